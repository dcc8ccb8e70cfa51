use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use proto::common::v1::ErrorReason;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body;
use tonic::{Code, Status};

use super::fault;
use super::frames::HEADER_BYTES;
use super::meter::Meter;
use crate::call::Call;
use crate::replay::REPLAYED_TRAILER;

/// The body of an answer: ends it at its deadline, marks replays, settles and counts its status.
pub(crate) struct Answer {
    body: Body,
    meter: Meter,
    request_id: String,
    call: Call,
    replayed: bool,
    answer_bytes_max: usize,
    /// For streams; the answer of other calls is there already.
    deadline: Option<Pin<Box<Sleep>>>,
    /// For streams that would otherwise last as long as their caller likes.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    ended: bool,
}

impl Answer {
    pub(crate) fn new(body: Body, meter: Meter, request_id: String, call: Call, answer_bytes_max: usize) -> Self {
        let (replayed, deadline, stop, ended) = (false, None, None, false);
        Self { body, meter, request_id, call, replayed, answer_bytes_max, deadline, stop, ended }
    }

    /// An answer that consists of its status alone.
    pub(crate) fn ended(mut self, code: Code) -> Self {
        self.meter.end(code);
        self.ended = true;
        self
    }

    pub(crate) fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    pub(crate) fn streaming(mut self, stop: Option<WaitForCancellationFutureOwned>) -> Self {
        self.deadline = self.call.deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        self.stop = stop.map(Box::pin);
        self
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, call, meter, .. } = self;
        let _entered = meter.span().enter();
        call.sync_scope(|| Pin::new(body).poll_frame(cx))
    }

    /// Why the answer ends before its handler ends it.
    fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(late());
        }
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(draining());
        }
        Poll::Pending
    }

    fn finish(&mut self, status: Status) -> Frame<Bytes> {
        let status = if status.code() == Code::Ok { status } else { self.settle(status) };
        self.trailers(status.code(), trailers_of(&status))
    }

    fn settle(&self, status: Status) -> Status {
        fault::settle(status, self.meter.span(), &self.request_id)
    }

    fn trailers(&mut self, code: Code, mut trailers: HeaderMap) -> Frame<Bytes> {
        self.ended = true;
        self.meter.end(code);
        if self.replayed {
            trailers.insert(REPLAYED_TRAILER, http::HeaderValue::from_static("true"));
        }
        // The handler's stream holds resources until it is dropped.
        self.body = Body::empty();
        Frame::trailers(trailers)
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(data) = frame.data_ref()
            && data.len() > self.answer_bytes_max
            && largest_message(data) > self.answer_bytes_max
        {
            let message = format!("an answer is larger than {} bytes", self.answer_bytes_max);
            return self.finish(Status::internal(message));
        }
        match frame.into_trailers() {
            Ok(trailers) => match Status::from_header_map(&trailers) {
                Some(status) if status.code() != Code::Ok => self.finish(status),
                _ => self.trailers(Code::Ok, trailers),
            },
            Err(data) => data,
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frame = match self.poll_inner(cx) {
            Poll::Ready(Some(Ok(frame))) => self.pass(frame),
            Poll::Ready(Some(Err(status))) => self.finish(status),
            Poll::Ready(None) => self.finish(Status::internal("an answer ended without a status")),
            Poll::Pending => match self.poll_cut(cx) {
                Poll::Ready(status) => self.finish(status),
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended { SizeHint::with_exact(0) } else { SizeHint::default() }
    }
}

/// DEADLINE_EXCEEDED.
pub(crate) fn late() -> Status {
    let message = "the deadline passed before the call finished";
    status::refuse(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).into()
}

/// UNAVAILABLE `DRAINING`.
pub(crate) fn draining() -> Status {
    status::refuse(Code::Unavailable, ErrorReason::Draining, "the server is shutting down").into()
}

fn trailers_of(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    // Fails only where a text cannot be a header value, and the library percent-encodes texts.
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from_static("13"));
    }
    trailers
}

/// The size of the largest message in a chunk, which holds whole frames.
fn largest_message(mut chunk: &[u8]) -> usize {
    let mut largest = 0;
    while let Some((&[_, a, b, c, d], rest)) = chunk.split_first_chunk::<HEADER_BYTES>() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        largest = largest.max(length);
        chunk = rest.get(length..).unwrap_or_default();
    }
    largest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt as _;
    use futures::stream::{self, BoxStream};
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;
    use tracing::Span;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn answer(frames: BoxStream<'static, Result<Frame<Bytes>, Status>>, time: Option<Duration>) -> Answer {
        let deadline = time.map(|time| Instant::now() + time);
        let call = Call { deadline, place: None, writes: TaskTracker::new() };
        let meter = Meter::begin("test.Service/Method".into(), Span::none());
        Answer::new(Body::new(StreamBody::new(frames)), meter, "r1".to_owned(), call, 16)
    }

    fn message(bytes: usize) -> Result<Frame<Bytes>, Status> {
        let header = [&[0][..], &(bytes as u32).to_be_bytes()].concat();
        Ok(Frame::data([header, vec![7; bytes]].concat().into()))
    }

    fn endless() -> BoxStream<'static, Result<Frame<Bytes>, Status>> {
        stream::iter([message(1)]).chain(stream::pending()).boxed()
    }

    /// How many bytes came before the trailers, and the trailers.
    async fn ended(answer: Answer) -> (usize, HeaderMap) {
        let body = answer.collect().await.unwrap();
        let trailers = body.trailers().unwrap().clone();
        (body.to_bytes().len(), trailers)
    }

    fn reason(trailers: &HeaderMap) -> Option<String> {
        status::reason_of(&Status::from_header_map(trailers).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_at_its_deadline() {
        let begun = Instant::now();
        let (bytes, trailers) = ended(answer(endless(), Some(SECOND)).streaming(None)).await;
        assert_eq!((bytes, reason(&trailers).as_deref()), (6, Some("DEADLINE_EXCEEDED")));
        assert!((SECOND..2 * SECOND).contains(&begun.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_end_ends_at_a_drain() {
        let stop = CancellationToken::new();
        let streaming = answer(endless(), None).streaming(Some(stop.clone().cancelled_owned()));
        stop.cancel();
        assert_eq!(reason(&ended(streaming).await.1).as_deref(), Some("DRAINING"));
    }

    #[tokio::test]
    async fn an_error_in_a_stream_is_settled() {
        let failing = stream::iter([message(1), Err(Status::unknown("secret"))]).boxed();
        let (_, trailers) = ended(answer(failing, None)).await;
        assert_eq!(reason(&trailers).as_deref(), Some("INTERNAL"));
        assert!(!format!("{trailers:?}").contains("secret"));
    }

    #[tokio::test]
    async fn an_answer_at_the_limit_passes_and_one_byte_more_is_a_fault_of_ours() {
        let (bytes, trailers) = ended(answer(stream::iter([message(16)]).boxed(), None)).await;
        assert_eq!((bytes, reason(&trailers).as_deref()), (21, Some("INTERNAL")), "it only lacks its status");
        let (bytes, trailers) = ended(answer(stream::iter([message(17)]).boxed(), None)).await;
        assert_eq!((bytes, reason(&trailers).as_deref()), (0, Some("INTERNAL")));
    }

    #[test]
    fn the_largest_of_several_messages_in_a_chunk_counts() {
        let chunk = [3, 9, 1].map(|bytes| message(bytes).unwrap().into_data().unwrap()).concat();
        assert_eq!(largest_message(&chunk), 9);
        assert_eq!(largest_message(&chunk[..4]), 0);
    }

    #[tokio::test]
    async fn a_call_inside_a_stream_knows_the_deadline_of_the_stream() {
        let asks =
            stream::once(async { crate::deadline().map(|_| Frame::data(Bytes::new())).ok_or(Status::aborted("")) });
        let (_, trailers) = ended(answer(asks.boxed(), Some(SECOND))).await;
        assert_eq!(reason(&trailers).as_deref(), Some("INTERNAL"), "the stream ended without a status of its own");
    }
}
