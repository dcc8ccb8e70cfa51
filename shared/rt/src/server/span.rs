use http::HeaderMap;
use tracing::Span;
use tracing::field::Empty;

use crate::names;

/// Carries the id of one attempt, from the caller or made here, back in the answer's headers.
pub(crate) const REQUEST_ID: &str = "x-request-id";
const REQUEST_ID_BYTES_MAX: usize = 128;
const TRACEPARENT: &str = "traceparent";

/// The caller's id of the attempt where it is fit for a log line, else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let fit = |id: &&str| (1..=REQUEST_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_graphic());
    sent.filter(fit).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// The span of a call, part of the caller's trace where it names one.
pub(crate) fn of(headers: &HeaderMap, method: &str, request_id: &str) -> Span {
    let span = tracing::info_span!(
        "rpc",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        "rpc.system.name" = "grpc",
        { names::METHOD } = method,
        { names::STATUS_CODE } = Empty,
        "error.type" = Empty,
        request_id,
        trace_id = Empty,
    );
    if let Some(parent) = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()) {
        telemetry::adopt(&span, parent);
    }
    if !span.is_disabled() {
        span.record("trace_id", telemetry::trace_id(&span));
    }
    span
}
