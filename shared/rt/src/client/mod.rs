//! Channels for generated clients: `PointsServiceClient::new(rt::connect(uri, &settings)?)`.
//!
//! A channel connects when it is first used and again when the connection is lost. To each call it adds the time that
//! the call it is made in has left, the trace, and a token; and it repeats calls that are marked as [`repeatable`] where
//! the server cannot be reached. Messages are limited by the generated client: 4 MiB for answers, as servers send them.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use ids::TenantId;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower::Service;
use tracing::Instrument as _;

mod attempt;
mod budget;
mod record;
mod settings;

pub use settings::ClientSettings;

use crate::timeout;
use attempt::Attempts;
use budget::Budget;
use record::Recorder;

const TRACEPARENT: &str = "traceparent";

/// Why a channel cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{uri:?} is not an address such as http://levels:50051")]
pub struct ConnectError {
    uri: String,
    source: tonic::transport::Error,
}

/// Where tokens come from; asked for each call, so it must answer from memory.
pub trait TokenSource: Send + Sync + 'static {
    /// The token that is valid now, without `Bearer`.
    fn token(&self) -> String;
}

/// A token that does not change.
impl TokenSource for String {
    fn token(&self) -> String {
        self.clone()
    }
}

impl<F: Fn() -> String + Send + Sync + 'static> TokenSource for F {
    fn token(&self) -> String {
        self()
    }
}

/// Marks a call as harmless when it happens twice: a read, or a write with a request id. Only such calls are repeated.
pub fn repeatable<T>(request: impl tonic::IntoRequest<T>) -> tonic::Request<T> {
    let mut request = request.into_request();
    request.extensions_mut().insert(Repeatable);
    request
}

#[derive(Debug, Clone, Copy)]
struct Repeatable;

/// A channel to one address. Clones share the connection.
#[derive(Clone)]
pub struct Channel {
    transport: tonic::transport::Channel,
    settings: Arc<ClientSettings>,
    token: Option<Arc<dyn TokenSource>>,
    tenant: Option<HeaderValue>,
    subject: Option<HeaderValue>,
    budget: Arc<Budget>,
    repeat_all: bool,
}

/// Makes a channel; must be called inside a Tokio runtime. Nothing is sent yet.
pub fn connect(uri: impl Into<String>, settings: &ClientSettings) -> Result<Channel, ConnectError> {
    let uri = uri.into();
    let endpoint = Endpoint::from_shared(uri.clone()).map_err(|source| ConnectError { uri, source })?;
    let transport = endpoint
        .connect_timeout(settings.connect_timeout())
        .tcp_nodelay(true)
        .http2_keep_alive_interval(settings.keepalive_interval())
        .keep_alive_timeout(settings.keepalive_timeout())
        .keep_alive_while_idle(true)
        .connect_lazy();
    let budget = Arc::new(Budget::new(settings.retry_ratio));
    Ok(Channel {
        transport,
        settings: Arc::new(settings.clone()),
        token: None,
        tenant: None,
        subject: None,
        budget,
        repeat_all: false,
    })
}

impl Channel {
    /// Sends a token with each call that has none of its own.
    #[must_use]
    pub fn with_token(mut self, source: impl TokenSource) -> Self {
        self.token = Some(Arc::new(source));
        self
    }

    /// Calls on behalf of a tenant, for a token of a service that may: see `authn`.
    #[must_use]
    pub fn on_behalf(mut self, tenant: &TenantId) -> Self {
        let value = HeaderValue::from_str(tenant.as_str());
        self.tenant = Some(value.expect("a tenant id holds only lower-case letters, digits, - and _"));
        self
    }

    /// Calls in the name of a subject, beside [`Channel::on_behalf`] of its tenant: see `authn`.
    #[must_use]
    pub fn in_name_of(mut self, subject: &str) -> Self {
        let value = HeaderValue::from_bytes(subject.as_bytes());
        self.subject = Some(value.expect("a subject holds no control characters"));
        self
    }

    /// Takes every call for [`repeatable`]: for callers that give each write a request id.
    #[must_use]
    pub fn repeat_all(mut self) -> Self {
        self.repeat_all = true;
        self
    }

    /// Adds what the call needs, and says until when it may take.
    fn prepare(&self, request: &mut Request<Body>) -> Result<Instant, Status> {
        let asked = timeout::of(request.headers())?.unwrap_or_else(|| self.settings.timeout());
        let time = crate::remaining().map_or(asked, |left| left.min(asked));
        if let Some(source) = self.token.as_ref().filter(|_| !request.headers().contains_key(AUTHORIZATION)) {
            let mut value = HeaderValue::try_from(format!("Bearer {}", source.token()))
                .map_err(|_| Status::unauthenticated("the token cannot be sent in a header"))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        if let Some(tenant) = &self.tenant {
            request.headers_mut().insert(authn::ON_BEHALF, tenant.clone());
        }
        if let Some(subject) = &self.subject {
            request.headers_mut().insert(authn::SUBJECT, subject.clone());
        }
        Ok(Instant::now().checked_add(time).unwrap_or_else(far))
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 3600)
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let recorder = Recorder::begin(request.uri().path());
        let deadline = match self.prepare(&mut request) {
            Ok(deadline) => deadline,
            Err(status) => return Box::pin(std::future::ready(recorder.end(Err(status)))),
        };
        if let Ok(parent) = HeaderValue::try_from(telemetry::traceparent(recorder.span()))
            && !parent.is_empty()
        {
            request.headers_mut().insert(TRACEPARENT, parent);
        }
        let repeatable = self.repeat_all || request.extensions().get::<Repeatable>().is_some();
        let attempts = Attempts {
            transport: self.transport.clone(),
            budget: Arc::clone(&self.budget),
            retries_max: if repeatable { self.settings.retries_max } else { 0 },
            deadline,
        };
        let span = recorder.span().clone();
        Box::pin(async move { recorder.end(attempts.run(request).await) }.instrument(span))
    }
}

/// DEADLINE_EXCEEDED as a client finds it.
fn late() -> Status {
    Status::new(Code::DeadlineExceeded, "the deadline passed before the server answered")
}
