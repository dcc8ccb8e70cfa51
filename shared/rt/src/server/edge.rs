use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use authn::Authenticator;
use authn::access::Table;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Response, StatusCode, header::CONTENT_TYPE};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::ServiceExt as _;
use tracing::Instrument as _;
use validate::Validator;

use super::answer::{Answer, draining, late};
use super::guard::Guard;
use super::limit::Limit;
use super::meter::Meter;
use super::methods::{Lane, Method, Methods};
use super::settings::ServerSettings;
use super::{fault, span};
use crate::call::Call;
use crate::replay::Replayed;
use crate::{names, timeout};

/// Everything between a connection and the handlers, in the order in which a call passes it.
pub(crate) struct Edge {
    pub(crate) settings: ServerSettings,
    pub(crate) methods: Methods,
    pub(crate) limit: Limit,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) access: Table,
    pub(crate) validator: Arc<Validator>,
    pub(crate) routes: Routes,
    pub(crate) writes: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl Edge {
    /// Request id → span → metrics; then whatever becomes of the call is settled, logged and counted here.
    pub(crate) async fn serve(self: Arc<Self>, request: Request<Body>) -> Response<Answer> {
        let request_id = span::request_id(request.headers());
        let method = self.methods.find(request.uri().path()).cloned();
        let name = method.as_ref().map_or_else(|| names::OTHER.into(), |method| Arc::clone(&method.name));
        let span = span::of(request.headers(), &name, &request_id);
        let meter = Meter::begin(name, span.clone());
        let mut call = Call { deadline: None, place: None, writes: self.writes.clone() };
        let outcome = match not_grpc(&request) {
            Some(code) => Err(Refused::Http(code)),
            None => self.limited(&mut call, method.as_deref(), request).instrument(span).await.map_err(Refused::Status),
        };
        let streams = method.as_ref().is_some_and(|method| method.streams_answers);
        let open = method.as_ref().is_some_and(|method| method.lane == Lane::Open);
        let mut response = self.wrap(outcome, meter, &request_id, call);
        if streams {
            let stop = open.then(|| self.stop.clone().cancelled_owned());
            response = response.map(|answer| answer.streaming(stop));
        }
        if let Ok(id) = HeaderValue::try_from(request_id) {
            response.headers_mut().insert(span::REQUEST_ID, id);
        }
        response
    }

    /// Load shedding → deadline.
    async fn limited(
        &self,
        call: &mut Call,
        method: Option<&Method>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        call.place = self.limit.admit(method.map_or(Lane::Usual, |method| method.lane))?;
        let asked = timeout::of(request.headers())?;
        // What does not exist is told to everybody: the contracts are public, and no token is looked at.
        let method = method.ok_or_else(|| Status::unimplemented("the server has no such method"))?;
        let time = [asked, method.time_max].into_iter().flatten().min().filter(|_| method.lane != Lane::Open);
        call.deadline = time.and_then(|time| Instant::now().checked_add(time));
        let work = call.clone().scope(self.authorised(method, request));
        match call.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(late()),
            Some(deadline) => tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late())),
            None => work.await,
        }
    }

    /// Authentication → access table → message validation.
    async fn authorised(&self, method: &Method, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let Some(input) = &method.input else { return self.handled(method, request).await };
        let caller = self.authenticator.authenticate(request.headers()).await?;
        let access = self.access.check(request.uri().path(), &caller)?;
        let user = caller.user.is_some().then(|| (access.clone(), caller.clone()));
        request.extensions_mut().insert(caller);
        let limit = self.settings.message_bytes_max;
        let guarded = |body| Guard::new(body, method, input.clone(), limit, Arc::clone(&self.validator), user);
        self.handled(method, request.map(|body| Body::new(guarded(body)))).await
    }

    /// The handler.
    async fn handled(&self, method: &Method, request: Request<Body>) -> Result<Response<Body>, Status> {
        let handler = AssertUnwindSafe(self.routes.clone().oneshot(request)).catch_unwind();
        let answer = if method.lane == Lane::Pull {
            tokio::select! {
                answer = handler => answer,
                () = self.stop.cancelled() => return Err(draining()),
            }
        } else {
            handler.await
        };
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(never)) => match never {},
            Err(panic) => Err(fault::panicked(&*panic)),
        }
    }

    fn wrap(
        &self,
        outcome: Result<Response<Body>, Refused>,
        meter: Meter,
        request_id: &str,
        call: Call,
    ) -> Response<Answer> {
        let span = meter.span().clone();
        let answer = |body| Answer::new(body, meter, request_id.to_owned(), call, self.settings.answer_bytes_max);
        let status = match outcome {
            Ok(mut response) => match refusal(&mut response) {
                None => {
                    let replayed = response.extensions_mut().remove::<Replayed>().is_some();
                    return response.map(|body| answer(body).replayed(replayed));
                }
                Some(status) => status,
            },
            Err(Refused::Status(status)) => status,
            Err(Refused::Http(code)) => {
                let mut response = Response::new(answer(Body::empty()).ended(Code::InvalidArgument));
                *response.status_mut() = code;
                return response;
            }
        };
        let status = fault::settle(status, &span, request_id);
        let code = status.code();
        status.into_http::<Body>().map(|body| answer(body).ended(code))
    }
}

/// Why a call is refused before or by its handler.
enum Refused {
    Status(Status),
    /// Not gRPC at all.
    Http(StatusCode),
}

/// The status of an answer that consists of it alone; with its sources where our own process made it.
fn refusal(response: &mut Response<Body>) -> Option<Status> {
    let sent = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok)?;
    Some(response.extensions_mut().remove::<Status>().unwrap_or(sent))
}

fn not_grpc(request: &Request<Body>) -> Option<StatusCode> {
    if request.method() != HttpMethod::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    (!speaks_grpc(request.headers())).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

fn speaks_grpc(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim_end();
    matches!(kind, "application/grpc" | "application/grpc+proto")
}
