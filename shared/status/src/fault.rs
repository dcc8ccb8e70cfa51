use std::{error::Error, fmt};

use proto::common::v1::ErrorReason;
use tonic::{Code, Status};

use crate::refuse;

/// The status of a fault of our own. Logs the error with its whole chain; the caller learns only that it happened.
pub fn internal(error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error = %Chain(error), "a call failed through a fault of the service");
    refuse(Code::Internal, ErrorReason::Internal, "the service failed").into()
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
