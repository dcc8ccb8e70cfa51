//! The log and its consumers as gRPC services, for every log that a process hosts.

mod admin;
mod convert;
mod log;

use std::sync::Arc;

pub use admin::Consumers;
pub use log::Logs;

use crate::Log;

/// The log of a service among those hosted.
fn find<'a>(logs: &'a [Arc<Log>], service: &str) -> Result<&'a Arc<Log>, tonic::Status> {
    logs.iter().find(|log| log.source() == service).ok_or_else(|| convert::not_hosted(service))
}
