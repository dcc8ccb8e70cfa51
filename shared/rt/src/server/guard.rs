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
