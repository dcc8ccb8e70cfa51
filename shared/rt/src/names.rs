//! Names of spans and metrics, as OpenTelemetry's RPC conventions have them.

/// Duration of a call at the server, until its last byte.
pub(crate) const SERVER_DURATION: &str = "rpc.server.call.duration";
/// Calls that the server works on now.
pub(crate) const SERVER_ACTIVE: &str = "rpc.server.active_calls";
/// Duration of a call at the client, with all its attempts.
pub(crate) const CLIENT_DURATION: &str = "rpc.client.call.duration";
/// Attempts after the first.
pub(crate) const CLIENT_RETRIES: &str = "rpc.client.retries";

/// Label: the full method name.
pub(crate) const METHOD: &str = "rpc.method";
/// Label: the status code's name.
pub(crate) const STATUS_CODE: &str = "rpc.response.status_code";

/// The method label of a call to something that does not exist; names that callers invent must not become labels.
pub(crate) const OTHER: &str = "_OTHER";

/// Gives the metrics their help texts. Harmless when done twice or without a recorder.
pub(crate) fn describe() {
    use metrics::Unit::Seconds;
    metrics::describe_histogram!(SERVER_DURATION, Seconds, "Duration of calls at the server until their last byte");
    metrics::describe_gauge!(SERVER_ACTIVE, "Calls that the server works on now");
    metrics::describe_histogram!(CLIENT_DURATION, Seconds, "Duration of calls at the client with all their attempts");
    metrics::describe_counter!(CLIENT_RETRIES, "Attempts of calls after the first");
}

/// A status code as the conventions write it.
pub(crate) fn code(code: tonic::Code) -> &'static str {
    use tonic::Code;
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
