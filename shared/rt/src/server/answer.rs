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
