use std::sync::Arc;

use http::Response;
use metrics::histogram;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;
use tracing::field::Empty;

use crate::names;

/// Span and metric of a call at the client.
pub(crate) struct Recorder {
    method: Arc<str>,
    span: Span,
    begun: Instant,
}

impl Recorder {
    pub(crate) fn begin(path: &str) -> Self {
        let method: Arc<str> = path.trim_start_matches('/').into();
        let span = tracing::info_span!(
            "rpc_client",
            otel.name = &*method,
            otel.kind = "client",
            otel.status_code = Empty,
            "rpc.system.name" = "grpc",
            { names::METHOD } = &*method,
            { names::STATUS_CODE } = Empty,
        );
        Self { method, span, begun: Instant::now() }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The answer's headers are there, or will not come. A status that follows the message is not seen here; only a
    /// stream has one that is not OK.
    pub(crate) fn end(self, outcome: Result<Response<Body>, Status>) -> Result<Response<Body>, Status> {
        let code = match &outcome {
            Ok(response) => Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code()),
            Err(status) => status.code(),
        };
        let name = names::code(code);
        histogram!(names::CLIENT_DURATION, names::METHOD => self.method, names::STATUS_CODE => name)
            .record(self.begun.elapsed());
        self.span.record(names::STATUS_CODE, name);
        if code != Code::Ok {
            self.span.record("otel.status_code", "ERROR");
        }
        outcome
    }
}
