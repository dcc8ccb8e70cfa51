use std::error::Error;
use std::fmt;

use proto::common::v1::ErrorReason;
use tonic::{Code, Status};
use tracing::Span;

use crate::names;

/// What a caller is told of a fault of ours.
const FAILED: &str = "the service failed";

/// Makes a status fit to be sent, and logs it: the only place that does. INTERNAL gets the trace id, by which its cause is
/// found in the log; a handler's bare INTERNAL or UNKNOWN may hold text of a library, which no caller sees.
pub(crate) fn settle(status: Status, span: &Span, request_id: &str) -> Status {
    let code = status.code();
    if !matches!(code, Code::Internal | Code::Unknown) {
        tracing::debug!(parent: span, code = names::code(code), message = status.message(), "call refused");
        return status;
    }
    // Who made the details has logged the cause.
    if status::reason_of(&status).is_none() {
        tracing::error!(parent: span, error = %Chain(&status), "call failed");
    }
    let mut settled: Status = status::refuse(Code::Internal, ErrorReason::Internal, FAILED)
        .with("trace_id", telemetry::trace_id(span))
        .with("request_id", request_id)
        .into();
    if let Some(replayed) = status.metadata().get(crate::REPLAYED_TRAILER) {
        settled.metadata_mut().insert(crate::REPLAYED_TRAILER, replayed.clone());
    }
    settled
}

/// A panic of a handler.
pub(crate) fn panicked(payload: &(dyn std::any::Any + Send)) -> Status {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
    Status::internal(format!("a handler panicked: {text}"))
}

struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(source) = next {
            write!(f, ": {source}")?;
            next = source.source();
        }
        Ok(())
    }
}
