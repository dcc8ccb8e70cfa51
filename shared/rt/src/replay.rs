use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

/// The trailer of an answer that was given before, for the same request id.
pub const REPLAYED_TRAILER: &str = "banyan-replayed";

/// Marks an answer for the server, which sends the trailer: a handler itself can only send headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replayed;

/// Marks the answer of a repeated write: it gets the trailer `banyan-replayed: true`.
pub fn replayed<T>(mut response: Response<T>) -> Response<T> {
    response.extensions_mut().insert(Replayed);
    response
}

/// The same for a recorded refusal.
pub fn replayed_status(mut status: Status) -> Status {
    status.metadata_mut().insert(REPLAYED_TRAILER, MetadataValue::from_static("true"));
    status
}
