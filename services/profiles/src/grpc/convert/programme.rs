use proto::programme::v1 as pb;
use tonic::Status;

use super::Check;
use crate::commands::{ApplyProgramme, Wanted};

/// A bundle is to be in force. What is wrong with it the plan finds.
pub(in crate::grpc) fn apply_programme(
    sent: &pb::ApplyProgrammeRequest,
    author: &str,
) -> Result<ApplyProgramme, Status> {
    let mut check = Check::default();
    let request = check.request("", "ProgrammeService/ApplyProgramme", &sent.request_id, sent);
    check.done(request.map(|request| ApplyProgramme {
        request,
        etag: sent.etag.clone(),
        wanted: Wanted::Bundle(Box::new(sent.bundle.clone().unwrap_or_default())),
        author: author.to_owned(),
        note: sent.note.clone(),
    }))
}

/// An earlier version is to be in force.
pub(in crate::grpc) fn rollback_programme(
    sent: &pb::RollbackProgrammeRequest,
    author: &str,
) -> Result<ApplyProgramme, Status> {
    let mut check = Check::default();
    let request = check.request("", "ProgrammeService/RollbackProgramme", &sent.request_id, sent);
    check.done(request.map(|request| ApplyProgramme {
        request,
        etag: sent.etag.clone(),
        wanted: Wanted::Version(sent.to_version),
        author: author.to_owned(),
        note: sent.note.clone(),
    }))
}
