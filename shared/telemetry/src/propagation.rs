use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

/// The W3C `traceparent` of the current span, to be stored with an event or sent with a call. Empty outside of a span.
pub fn current_traceparent() -> String {
    traceparent(&Span::current())
}

/// The W3C `traceparent` of a span. Empty for one that is disabled.
pub fn traceparent(span: &Span) -> String {
    let context = context_of(span);
    if !context.is_valid() {
        return String::new();
    }
    let flags = context.trace_flags().to_u8() & 1;
    format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id())
}

/// Makes a span a child of the one that `traceparent` names. Must be called before the span is entered; a text that is
/// not a `traceparent` leaves the span the root of a new trace.
pub fn adopt(span: &Span, traceparent: &str) {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    if parent.span().span_context().is_valid() {
        // Fails only where no tracer is installed or the span is disabled; then there is nothing to join.
        let _ = span.set_parent(parent);
    }
}

/// The trace id of a span as 32 hexadecimal digits. Empty for a span that is disabled.
pub fn trace_id(span: &Span) -> String {
    let context = context_of(span);
    if context.is_valid() { context.trace_id().to_string() } else { String::new() }
}

fn context_of(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}
