use std::{error::Error, fmt, time::Duration};

use pg::StoreError;
use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

use crate::refuse;

/// How long a caller waits before it tries again when the store is away.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// The status of a fault of our own. Logs the error with its whole chain; the caller learns only that it happened.
pub fn internal(error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error = %Chain(error), "a call failed through a fault of the service");
    let refusal = refuse(Code::Internal, ErrorReason::Internal, "the service failed");
    match telemetry::trace_id(&tracing::Span::current()) {
        trace_id if trace_id.is_empty() => refusal,
        trace_id => refusal.with("trace_id", trace_id),
    }
    .into()
}

/// The status of a failed store. Logs the error with its whole chain; the caller sees no text of the driver.
pub fn from_store(error: StoreError) -> Status {
    match &error {
        StoreError::Conflict(_) => {
            tracing::warn!(error = %Chain(&error), "a call lost its race several times over");
            refuse(Code::Aborted, ErrorReason::Conflict, "the call lost a race with others").into()
        }
        StoreError::Unavailable(_) => {
            tracing::error!(error = %Chain(&error), "the store is not available");
            refuse(Code::Unavailable, ErrorReason::StoreUnavailable, "the store is not available")
                .retry_after(STORE_RETRY)
                .into()
        }
        StoreError::Constraint { .. } | StoreError::Unexpected(_) => internal(&error),
    }
}

/// An error and all its sources on one line.
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{metadata_of, reason_of, to_rpc};

    const SECRET: &str = "password=hunter2";

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn driver() -> sqlx::Error {
        sqlx::Error::Configuration(SECRET.into())
    }

    #[test]
    fn each_kind_of_store_failure_has_its_code_and_shows_no_text_of_the_driver() {
        let cases = [
            (StoreError::Conflict(driver()), Code::Aborted, "CONFLICT", false),
            (StoreError::Unavailable(driver()), Code::Unavailable, "STORE_UNAVAILABLE", true),
            (StoreError::Unexpected(driver()), Code::Internal, "INTERNAL", false),
            (StoreError::Constraint { name: "c".to_owned(), source: driver() }, Code::Internal, "INTERNAL", false),
        ];
        for (error, code, reason, retry) in cases {
            let status = from_store(error);
            assert_eq!((status.code(), reason_of(&status).as_deref()), (code, Some(reason)));
            assert!(!format!("{:?}", to_rpc(&status)).contains(SECRET));
            let retries = to_rpc(&status).details.iter().any(|any| any.type_url.ends_with("RetryInfo"));
            assert_eq!(retries, retry, "{reason}");
        }
    }

    #[test]
    fn a_fault_is_logged_once_with_its_whole_chain_and_hidden_from_the_caller() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let status = tracing::subscriber::with_default(subscriber, || internal(&Outer(io::Error::other(SECRET))));
        let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(lines.lines().count(), 1);
        assert!(lines.contains("ERROR") && lines.contains(&format!("outer: {SECRET}")), "{lines}");
        assert_eq!((status.code(), status.message()), (Code::Internal, "the service failed"));
        assert!(metadata_of(&status).is_empty());
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
