use std::sync::Arc;

use metrics::{Gauge, gauge, histogram};
use tokio::time::Instant;
use tonic::Code;
use tracing::Span;

use crate::names;

/// Counts one call, whatever becomes of it: one that ends without a status was left by its caller.
#[derive(Debug)]
pub(crate) struct Meter {
    method: Arc<str>,
    span: Span,
    begun: Instant,
    active: Gauge,
    ended: bool,
}

impl Meter {
    pub(crate) fn begin(method: Arc<str>, span: Span) -> Self {
        let active = gauge!(names::SERVER_ACTIVE, names::METHOD => Arc::clone(&method));
        active.increment(1.0);
        Self { method, span, begun: Instant::now(), active, ended: false }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Only the first status counts.
    pub(crate) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let name = names::code(code);
        self.active.decrement(1.0);
        histogram!(names::SERVER_DURATION, names::METHOD => Arc::clone(&self.method), names::STATUS_CODE => name)
            .record(self.begun.elapsed());
        self.span.record(names::STATUS_CODE, name);
        if faulty(code) {
            self.span.record("otel.status_code", "ERROR");
            self.span.record("error.type", name);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// Codes that mean a fault of the server in the conventions for server spans.
fn faulty(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}
