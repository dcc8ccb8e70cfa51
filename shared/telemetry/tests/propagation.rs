//! Traces pass from caller to callee even where no spans are sent.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traced<T>(sampler: Sampler, test: impl FnOnce() -> T) -> T {
    let tracer = SdkTracerProvider::builder().with_sampler(sampler).build().tracer("test");
    let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    tracing::subscriber::with_default(subscriber, test)
}

#[test]
fn a_span_joins_the_trace_of_its_caller_and_passes_it_on() {
    traced(Sampler::AlwaysOff, || {
        let span = info_span!("call");
        telemetry::adopt(&span, CALLER);
        assert_eq!(telemetry::trace_id(&span), "4bf92f3577b34da6a3ce929d0e0e4736");
        let passed_on = span.in_scope(telemetry::current_traceparent);
        assert!(passed_on.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{passed_on}");
        assert_ne!(passed_on, CALLER);
    });
}

#[test]
fn a_sampled_span_says_so() {
    traced(Sampler::AlwaysOn, || {
        let passed_on = info_span!("call").in_scope(telemetry::current_traceparent);
        assert!(passed_on.ends_with("-01"), "{passed_on}");
    });
}

#[test]
fn a_malformed_traceparent_begins_a_new_trace() {
    traced(Sampler::AlwaysOff, || {
        for malformed in ["", "00-0-0-0", "00-00000000000000000000000000000000-0000000000000000-01", "x\u{0}"] {
            let span = info_span!("call");
            telemetry::adopt(&span, malformed);
            assert_eq!(telemetry::trace_id(&span).len(), 32, "{malformed:?}");
        }
    });
}

#[test]
fn without_telemetry_there_is_no_traceparent() {
    assert_eq!(telemetry::current_traceparent(), "");
    assert_eq!(telemetry::trace_id(&info_span!("call")), "");
}
