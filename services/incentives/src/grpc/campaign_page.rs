//! Times as they stand in the page tokens of lists whose keys have more parts than one id.

use proto::common::v1::ErrorReason;
use time::OffsetDateTime;
use tonic::{Code, Status};

/// A time as it stands in a token.
pub(super) fn micros(at: OffsetDateTime) -> String {
    (at.unix_timestamp_nanos() / 1_000).to_string()
}

/// A time out of a token.
pub(super) fn of_micros(text: &str) -> Result<OffsetDateTime, Status> {
    let read = text.parse::<i128>().ok().and_then(|it| it.checked_mul(1_000));
    let at = read.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
    let message = "page_token does not belong to this list";
    at.ok_or_else(|| status::refuse(Code::InvalidArgument, ErrorReason::PageTokenInvalid, message).into())
}
