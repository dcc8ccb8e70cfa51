//! What is told of jobs.

use eventlog::{Draft, derive};
use ids::EventId;
use proto::levels::v1 as pb;
use time::OffsetDateTime;

use crate::domain::job::Job;
use crate::wire;

/// The id of the job that a request creates.
pub fn job_id(request_id: &str) -> EventId {
    derive("", &format!("points_job/{request_id}"), 0)
}

/// The state of a job changed.
pub fn changed(it: &Job, at: OffsetDateTime) -> Draft {
    let event_id = derive("", &format!("points_job/{}/{}", it.id, it.changes), 0);
    Draft::new("", event_id, &pb::PointsJobChanged { job: Some(wire::job::job(it)) }, at)
}
