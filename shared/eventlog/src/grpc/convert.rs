use std::time::Duration;

use proto::common::v1::ErrorReason as Common;
use proto::events::v1::ErrorReason;
use status::refuse;
use tonic::{Code, Status};

use crate::PullError;

/// When a reader that found no room may try again.
const ROOM_AFTER: Duration = Duration::from_secs(1);

pub(super) fn not_hosted(service: &str) -> Status {
    let message = "this process does not serve the log of the service";
    refuse(Code::NotFound, ErrorReason::LogNotHosted, message).with("service", service).into()
}

pub(super) fn field(name: &str, description: &str) -> Status {
    let mut violations = status::Violations::new();
    violations.add(name, description);
    violations.into()
}

impl From<PullError> for Status {
    fn from(error: PullError) -> Self {
        let text = error.to_string();
        match error {
            PullError::Truncated { partition, after, floor, epoch } => {
                let refusal = refuse(Code::OutOfRange, Common::LogTruncated, text).with("partition", partition);
                refusal.with("after_seq", after).with("floor", floor).with("epoch", epoch).into()
            }
            PullError::Epoch { partition, given, epoch } => {
                let refusal = refuse(Code::FailedPrecondition, ErrorReason::EpochMismatch, text);
                refusal.with("partition", partition).with("cursor_epoch", given).with("epoch", epoch).into()
            }
            PullError::BeyondHead { partition, after, head, epoch } => {
                let refusal = refuse(Code::FailedPrecondition, ErrorReason::EpochMismatch, text);
                let refusal = refusal.with("partition", partition).with("after_seq", after);
                refusal.with("head", head).with("epoch", epoch).into()
            }
            PullError::Gap { .. } => status::internal(&error),
            PullError::Cursors => field("cursors", "must name each partition from 0 to 31 at most once"),
            PullError::TooMany => {
                refuse(Code::ResourceExhausted, Common::Overloaded, text).retry_after(ROOM_AFTER).into()
            }
            PullError::Store(error) => status::from_store(error),
        }
    }
}
