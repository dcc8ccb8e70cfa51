use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use authn::Caller;
use authn::access::Access;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::Status;
use tonic::body::Body;
use validate::Validator;

use super::frames::{Frames, HEADER_BYTES, malformed};
use super::methods::Method;

/// A request body that lets through only whole messages that the contract allows. The first one that it does not allow
/// ends the body with the status that the call gets; a handler of a stream has seen the messages before it.
///
/// Each message is decoded here by its descriptor and once more by the generated code: one set of rules for every method
/// and language, in one place, costs a second pass over a few hundred bytes.
pub(crate) struct Guard {
    body: Body,
    frames: Frames,
    input: MessageDescriptor,
    validator: Arc<Validator>,
    /// Where the token belongs to one user: what the message must say.
    user: Option<(Access, Caller)>,
    one_message: bool,
    seen: usize,
    ended: bool,
}

impl Guard {
    pub(crate) fn new(
        body: Body,
        method: &Method,
        input: MessageDescriptor,
        message_bytes_max: usize,
        validator: Arc<Validator>,
        user: Option<(Access, Caller)>,
    ) -> Self {
        let frames = Frames::new(message_bytes_max);
        Self { body, frames, input, validator, user, one_message: !method.streams_requests, seen: 0, ended: false }
    }

    fn check(&mut self, frame: &Bytes) -> Result<(), Status> {
        self.seen += 1;
        if self.one_message && self.seen > 1 {
            return Err(malformed("the method takes one message"));
        }
        let message = DynamicMessage::decode(self.input.clone(), frame.slice(HEADER_BYTES..))
            .map_err(|_| malformed(format!("the message is not an encoded {}", self.input.full_name())))?;
        if let Some((access, caller)) = &self.user {
            access.check_user(&message, caller)?;
        }
        self.validator.check(&message).check()?;
        Ok(())
    }

    fn end(&self) -> Result<(), Status> {
        if self.frames.is_cut() {
            return Err(malformed("the call ended in the middle of a message"));
        }
        if self.one_message && self.seen == 0 {
            return Err(malformed("the call has no message"));
        }
        Ok(())
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            if let Some(frame) = self.frames.next()? {
                self.check(&frame)?;
                return Poll::Ready(Some(Ok(frame)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)?) {
                // Callers have no trailers to send; what is not data is dropped.
                Some(frame) => self.frames.push(frame.into_data().unwrap_or_default()),
                None => {
                    self.end()?;
                    return Poll::Ready(None);
                }
            }
        }
    }
}

impl http_body::Body for Guard {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_message(cx));
        self.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next.map(|message| message.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use bytes::Bytes;
    use futures::future::BoxFuture;
    use http::Request;
    use http_body_util::StreamBody;
    use prost::Message as _;
    use proto::levels::v1::GetSchemeRequest;
    use tonic::server::{Grpc, NamedService};
    use tonic::service::Routes;
    use tonic::{Code, Response, Streaming};
    use tonic_prost::ProstCodec;
    use tower::{Service, ServiceExt as _, service_fn};

    use super::super::methods::Methods;
    use super::super::settings::ServerSettings;
    use super::*;

    /// A method that reads a stream, as generated code serves one.
    #[derive(Clone, Default)]
    struct Reader(Arc<Mutex<Vec<String>>>);

    impl NamedService for Reader {
        const NAME: &'static str = "test.Reader";
    }

    impl Service<Request<Body>> for Reader {
        type Response = Response1;
        type Error = Infallible;
        type Future = BoxFuture<'static, Result<Response1, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let seen = Arc::clone(&self.0);
            let handler = service_fn(move |request: tonic::Request<Streaming<GetSchemeRequest>>| {
                let seen = Arc::clone(&seen);
                async move {
                    let mut messages = request.into_inner();
                    while let Some(message) = messages.message().await? {
                        seen.lock().unwrap().push(message.scheme_id);
                    }
                    Ok::<_, Status>(Response::new(GetSchemeRequest::default()))
                }
            });
            let codec = ProstCodec::<GetSchemeRequest, GetSchemeRequest>::default();
            Box::pin(async move { Ok(Grpc::new(codec).client_streaming(handler, request).await) })
        }
    }

    type Response1 = http::Response<Body>;

    fn framed(scheme_id: &str) -> Vec<u8> {
        let message = GetSchemeRequest { scheme_id: scheme_id.to_owned() }.encode_to_vec();
        [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat()
    }

    /// Sends the bytes through a guard to the reader; says what it read and what it answered.
    async fn read(bytes: Vec<u8>) -> (Vec<String>, Option<Status>) {
        let methods = Methods::new(&ServerSettings::default());
        let known = methods.find("/banyan.levels.v1.LevelService/GetScheme").unwrap();
        let input = known.input.clone().unwrap();
        let (name, lane) = (Arc::clone(&known.name), known.lane);
        let method = Method { name, lane, input: None, streams_requests: true, streams_answers: false, time_max: None };
        let chunks: Vec<_> =
            bytes.chunks(4).map(Bytes::copy_from_slice).map(Frame::data).map(Ok::<_, Status>).collect();
        let body = Body::new(StreamBody::new(futures::stream::iter(chunks)));
        let validator = Arc::new(Validator::new(&proto::POOL).unwrap());
        let guard = Guard::new(body, &method, input, 64, validator, None);
        let reader = Reader::default();
        let request = Request::post("/test.Reader/Read").body(Body::new(guard)).unwrap();
        let response = Routes::new(reader.clone()).oneshot(request).await.unwrap();
        let seen = reader.0.lock().unwrap().clone();
        (seen, Status::from_header_map(response.headers()))
    }

    #[tokio::test]
    async fn a_stream_of_good_messages_passes() {
        let (seen, status) = read([framed("a"), framed("b")].concat()).await;
        assert_eq!(seen, ["a", "b"]);
        assert!(status.is_none(), "{status:?}");
    }

    #[tokio::test]
    async fn a_stream_ends_at_its_first_bad_message_with_the_whole_status() {
        let bad = [
            (framed(""), Code::InvalidArgument, "FIELDS_INVALID"),
            (framed(&"x".repeat(64)), Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
            (vec![0, 0, 0, 0, 1, 0xff], Code::InvalidArgument, "MESSAGE_MALFORMED"),
            (framed("c")[..6].to_vec(), Code::InvalidArgument, "MESSAGE_MALFORMED"),
        ];
        for (bytes, code, reason) in bad {
            let rest = if reason == "MESSAGE_MALFORMED" { vec![] } else { framed("d") };
            let (seen, status) = read([framed("a"), bytes, rest].concat()).await;
            assert_eq!(seen, ["a"]);
            let status = status.unwrap();
            assert_eq!((status.code(), status::reason_of(&status).as_deref()), (code, Some(reason)));
        }
    }
}
