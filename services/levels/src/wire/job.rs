//! Jobs as messages.

use proto::common::v1 as common;
use proto::levels::v1 as pb;
use units::time::to_proto;

use super::{at, rank};
use crate::domain::job::line::{Line, OpeningLevel, VoidScope};
use crate::domain::job::reconcile::Reconciled;
use crate::domain::job::{Control, Cost, Job, JobState};

/// A job.
pub fn job(it: &Job) -> pb::PointsJob {
    let counts = it.counts;
    let job = common::Job {
        job_id: it.id.to_string(),
        state: it.state.code().into(),
        lines: counts.lines,
        done: counts.done,
        failed: counts.failed + counts.recall_failed,
        recalled: counts.recalled,
        progress_percent: it.progress_percent(),
        resumable: it.state == JobState::Cancelled,
        created_by: it.created_by.clone(),
        submitted_by: it.submitted_by.clone(),
        needs_approval: it.needs_approval,
        decided_by: it.decided_by.clone(),
        note: it.note.clone(),
        create_time: Some(to_proto(it.created_at)),
        start_time: at(it.started_at),
        end_time: at(it.ended_at),
    };
    pb::PointsJob {
        job: Some(job),
        kind: it.kind.code().into(),
        title: it.title.clone(),
        reason: it.reason.clone(),
        cost_centre: it.cost_centre.clone(),
        funder: it.funder,
        controls: it.controls.iter().map(control).collect(),
    }
}

fn control(it: &Control) -> pb::ControlTotal {
    let point_type_id = it.point_type.to_string();
    pb::ControlTotal { point_type_id, lines: it.lines, points: it.points, growth: it.growth }
}

/// A line as it was added.
pub fn line(it: &Line) -> pb::JobLine {
    let level = |it: &OpeningLevel| pb::OpeningLevel {
        rank: rank(it.rank),
        since: Some(to_proto(it.since)),
        valid_until: at(it.valid_until),
    };
    pb::JobLine {
        line_no: it.no,
        user_id: it.user.to_string(),
        point_type_id: it.point_type.to_string(),
        amount: it.amount,
        expires_at: at(it.expires_at),
        void_scope: it.void_scope.map_or(0, VoidScope::code).into(),
        occurred_at: at(it.occurred_at),
        activates_at: at(it.activates_at),
        growth: it.growth,
        level: it.level.as_ref().map(level),
    }
}

/// What a job's lines say of a point type, and the limit of the type; `None`: there is no such type.
pub fn cost(it: &Cost, limit: Option<i64>) -> pb::JobCost {
    pb::JobCost {
        point_type_id: it.point_type.to_string(),
        lines: it.lines,
        added: it.added,
        taken: it.taken,
        growth: it.growth,
        unlimited_lines: it.unlimited,
        unknown: limit.is_none(),
        needs_approval: it.needs_approval(limit),
    }
}

/// What was said, beside what was done.
pub fn reconciled(it: &Reconciled) -> pb::Reconciled {
    pb::Reconciled {
        point_type_id: it.stored.point_type.to_string(),
        expected: it.expected.as_ref().map(control),
        lines: it.stored.lines,
        lines_done: it.stored.done,
        points: it.stored.points,
        growth: it.stored.growth,
        matches: it.matches(),
    }
}
