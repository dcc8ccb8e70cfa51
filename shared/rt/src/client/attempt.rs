use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use metrics::counter;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status, TimeoutExpired};
use tower::{Service as _, ServiceExt as _};

use super::budget::Budget;
use super::late;
use crate::{names, timeout};

/// The longest pause before the first repetition; it doubles with each.
const PAUSE: Duration = Duration::from_millis(50);

/// The attempts of one call.
pub(crate) struct Attempts {
    pub(crate) transport: Channel,
    pub(crate) budget: Arc<Budget>,
    pub(crate) retries_max: u32,
    pub(crate) deadline: Instant,
}

impl Attempts {
    pub(crate) async fn run(mut self, request: Request<Body>) -> Result<Response<Body>, Status> {
        self.budget.deposit();
        if self.retries_max == 0 {
            return self.once(request).await.map_err(|failure| failure.status);
        }
        // A message can be sent again only where it is held whole; such calls have one message each way.
        let (parts, body) = request.into_parts();
        let message = body.collect().await?.to_bytes();
        let copy = || Copy { uri: parts.uri.clone(), headers: parts.headers.clone(), message: message.clone() };
        for round in 0.. {
            let outcome = self.once(copy().into()).await;
            let repeat = match &outcome {
                Ok(response) => refused_by_server(response.headers()),
                Err(failure) => failure.repeat,
            };
            let pause = PAUSE.mul_f64(f64::from(1u32 << round.min(8)) * rand::random_range(0.5..1.0));
            let left = self.deadline.saturating_duration_since(Instant::now());
            if !repeat || round >= self.retries_max || pause >= left || !self.budget.withdraw() {
                return outcome.map_err(|failure| failure.status);
            }
            counter!(names::CLIENT_RETRIES).increment(1);
            tracing::debug!(round, "repeating a call");
            tokio::time::sleep(pause).await;
        }
        Err(late())
    }

    async fn once(&mut self, mut request: Request<Body>) -> Result<Response<Body>, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure { status: late(), repeat: false });
        }
        request.headers_mut().insert(timeout::GRPC_TIMEOUT, timeout::header(left));
        let transport = &mut self.transport;
        let attempt = async { transport.ready().await?.call(request).await };
        match timeout_at(self.deadline, attempt).await {
            Ok(outcome) => outcome.map_err(Failure::of),
            Err(_) => Err(Failure { status: late(), repeat: false }),
        }
    }
}

/// A request that can be made again.
struct Copy {
    uri: Uri,
    headers: HeaderMap,
    message: Bytes,
}

impl From<Copy> for Request<Body> {
    fn from(copy: Copy) -> Self {
        let mut request = Request::new(Body::new(Full::new(copy.message)));
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = copy.uri;
        *request.headers_mut() = copy.headers;
        request
    }
}

/// A call that got no answer from its server.
struct Failure {
    status: Status,
    repeat: bool,
}

impl Failure {
    /// What the transport reports as CANCELLED is a connection that went away under the call, which is not the caller's
    /// doing: the same as one that could not be made.
    fn of(error: tonic::transport::Error) -> Self {
        if sources(&error).any(|source| source.is::<TimeoutExpired>()) {
            return Self { status: late(), repeat: false };
        }
        let mut status = Status::from_error(Box::new(error));
        let repeat = matches!(status.code(), Code::Unavailable | Code::Cancelled | Code::Unknown);
        if repeat && status.code() != Code::Unavailable {
            let cause = Arc::new(status);
            status = Status::unavailable("the connection to the server was lost");
            status.set_source(cause);
        }
        Self { status, repeat }
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The server says itself that it did nothing.
fn refused_by_server(headers: &HeaderMap) -> bool {
    Status::from_header_map(headers).is_some_and(|status| status.code() == Code::Unavailable)
}
