//! Requests about jobs as commands, and what came of their lines.

use std::collections::BTreeSet;

use authn::Caller;
use ids::{EventId, UserId};
use proto::levels::v1 as pb;
use proto::levels::v1::levels_segment::Members;
use requests::body_of;
use service::Parse;
use status::Violations;

use super::status::failure;
use crate::commands::{AddJobLines, AddJobSegment, ChangeJob, CreateJob, JobChange, Segment};
use crate::domain::job::line::{JobLine, Line, OpeningLevel, VoidScope};
use crate::domain::job::{Control, JobKind};
use crate::domain::point_type::{AMOUNT_MAX, BALANCE_MAX};
use crate::wire;

/// The most control totals of a job.
const CONTROLS_MAX: usize = 100;
/// The most lines of one call.
const LINES_MAX: usize = 500;
/// The highest number of a line.
const LINE_NO_MAX: i64 = 1_000_000_000;

/// The id of a job.
pub(super) fn job_id(id: &str) -> Result<EventId, Violations> {
    let mut parse = Parse::default();
    let id = read_id(&mut parse, id);
    parse.done(id)
}

fn read_id(parse: &mut Parse, id: &str) -> Option<EventId> {
    EventId::new(id).map_err(|fault| parse.refuse("job_id", fault.to_string())).ok()
}

pub(super) fn create_job(sent: &pb::CreateJobRequest, subject: String) -> Result<CreateJob, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "PointsJobService/CreateJob", &sent.request_id, body_of(sent));
    let it = sent.job.clone().unwrap_or_default();
    let kind = i16::try_from(it.kind).ok().and_then(JobKind::from_code);
    parse.require(kind.is_some(), "job.kind", "is required");
    parse.require(!it.reason.is_empty(), "job.reason", "is required");
    parse.require(it.controls.len() <= CONTROLS_MAX, "job.controls", "must be 100 at most");
    let mut types = BTreeSet::new();
    let mut controls = Vec::new();
    for (place, sent) in it.controls.iter().enumerate() {
        let field = format!("job.controls[{place}]");
        let numbers = [sent.lines, sent.points, sent.growth];
        if sent.lines < 0 || numbers.iter().any(|number| !(-BALANCE_MAX..=BALANCE_MAX).contains(number)) {
            parse.refuse(&field, format!("counts up to {BALANCE_MAX}"));
        }
        let Some(point_type) = parse.key(&format!("{field}.point_type_id"), &sent.point_type_id) else { continue };
        if !types.insert(point_type.clone()) {
            parse.refuse(format!("{field}.point_type_id"), "stands here twice");
        }
        controls.push(Control { point_type, lines: sent.lines, points: sent.points, growth: sent.growth });
    }
    let parts = request.zip(kind);
    parse.done(parts.map(|(request, kind)| CreateJob {
        request,
        kind,
        title: it.title,
        reason: it.reason,
        cost_centre: it.cost_centre,
        funder: it.funder,
        controls,
        subject,
    }))
}

pub(super) fn add_job_lines(sent: &pb::AddJobLinesRequest) -> Result<AddJobLines, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "PointsJobService/AddJobLines", &sent.request_id, body_of(sent));
    let id = read_id(&mut parse, &sent.job_id);
    if !(1..=LINES_MAX).contains(&sent.lines.len()) {
        parse.refuse("lines", "must be 1 to 500");
    }
    let mut numbers = BTreeSet::new();
    let mut lines = Vec::with_capacity(sent.lines.len());
    for (place, it) in sent.lines.iter().enumerate().take(LINES_MAX) {
        let field = format!("lines[{place}]");
        if !(1..=LINE_NO_MAX).contains(&it.line_no) {
            parse.refuse(format!("{field}.line_no"), format!("must lie between 1 and {LINE_NO_MAX}"));
        }
        if !numbers.insert(it.line_no) {
            parse.refuse(format!("{field}.line_no"), "stands here twice");
        }
        lines.extend(line(&mut parse, &field, it));
    }
    let parts = request.zip(id);
    parse.done(parts.map(|(request, id)| AddJobLines { request, id, lines }))
}

/// A line, of whatever kind of job: what fits which kind is known when the job is.
fn line(parse: &mut Parse, field: &str, sent: &pb::JobLine) -> Option<Line> {
    if !(-AMOUNT_MAX..=AMOUNT_MAX).contains(&sent.amount) {
        parse.refuse(format!("{field}.amount"), format!("must lie between {} and {AMOUNT_MAX}", -AMOUNT_MAX));
    }
    if !(0..=AMOUNT_MAX).contains(&sent.growth) {
        parse.refuse(format!("{field}.growth"), format!("must lie between 0 and {AMOUNT_MAX}"));
    }
    let user = parse.user_in(&format!("{field}.user_id"), &sent.user_id);
    let point_type = parse.key(&format!("{field}.point_type_id"), &sent.point_type_id);
    let expires_at = parse.time(&format!("{field}.expires_at"), sent.expires_at.as_ref());
    let occurred_at = parse.time(&format!("{field}.occurred_at"), sent.occurred_at.as_ref());
    let activates_at = parse.time(&format!("{field}.activates_at"), sent.activates_at.as_ref());
    let level = sent.level.as_ref().and_then(|sent| level(parse, &format!("{field}.level"), sent));
    Some(Line {
        no: sent.line_no,
        user: user?,
        point_type: point_type?,
        amount: sent.amount,
        expires_at,
        void_scope: i16::try_from(sent.void_scope).ok().and_then(VoidScope::from_code),
        occurred_at,
        activates_at,
        growth: sent.growth,
        level,
    })
}

fn level(parse: &mut Parse, field: &str, sent: &pb::OpeningLevel) -> Option<OpeningLevel> {
    let rank = usize::try_from(sent.rank).ok();
    parse.require(rank.is_some(), &format!("{field}.rank"), "must be 0 or more");
    parse.require(sent.since.is_some(), &format!("{field}.since"), "is required");
    let since = parse.time(&format!("{field}.since"), sent.since.as_ref());
    let valid_until = parse.time(&format!("{field}.valid_until"), sent.valid_until.as_ref());
    Some(OpeningLevel { rank: rank?, since: since?, valid_until })
}

pub(super) fn add_job_segment(sent: &pb::AddJobSegmentRequest) -> Result<AddJobSegment, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "PointsJobService/AddJobSegment", &sent.request_id, body_of(sent));
    let id = read_id(&mut parse, &sent.job_id);
    let segment = segment(&mut parse, sent.segment.as_ref());
    let it = sent.line.clone().unwrap_or_default();
    if !(-AMOUNT_MAX..=AMOUNT_MAX).contains(&it.amount) {
        parse.refuse("line.amount", format!("must lie between {} and {AMOUNT_MAX}", -AMOUNT_MAX));
    }
    let point_type = parse.key("line.point_type_id", &it.point_type_id);
    let expires_at = parse.time("line.expires_at", it.expires_at.as_ref());
    let line = point_type.map(|point_type| Line {
        no: 0,
        user: UserId::new("-").expect("a user id"), // each line has its own
        point_type,
        amount: it.amount,
        expires_at,
        void_scope: i16::try_from(it.void_scope).ok().and_then(VoidScope::from_code),
        occurred_at: None,
        activates_at: None,
        growth: 0,
        level: None,
    });
    let parts = request.zip(id).zip(segment.zip(line));
    parse.done(parts.map(|((request, id), (segment, line))| AddJobSegment { request, id, segment, line }))
}

fn segment(parse: &mut Parse, sent: Option<&pb::LevelsSegment>) -> Option<Segment> {
    match sent.and_then(|it| it.members.as_ref()) {
        Some(Members::Ranks(it)) => {
            parse.require((1..=100).contains(&it.ranks.len()), "segment.ranks.ranks", "must be 1 to 100");
            // no scheme has a rank beyond those that this holds
            let ranks = it.ranks.iter().filter_map(|rank| i16::try_from(*rank).ok()).collect();
            Some(Segment::Ranks(parse.key("segment.ranks.scheme_id", &it.scheme_id)?, ranks))
        }
        Some(Members::Holders(it)) => {
            parse.require(it.available_min >= 1, "segment.holders.available_min", "must be 1 or more");
            Some(Segment::Holders(parse.key("segment.holders.point_type_id", &it.point_type_id)?, it.available_min))
        }
        Some(Members::Inactive(it)) => {
            parse.require(it.since.is_some(), "segment.inactive.since", "is required");
            let since = parse.time("segment.inactive.since", it.since.as_ref());
            Some(Segment::Inactive(parse.key("segment.inactive.point_type_id", &it.point_type_id)?, since?))
        }
        None => {
            parse.refuse("segment", "is required");
            None
        }
    }
}

pub(super) fn change_job(
    (method, request_id, body): (&'static str, &str, [u8; 32]),
    id: &str,
    change: JobChange,
    caller: &Caller,
) -> Result<ChangeJob, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", method, request_id, body);
    let id = read_id(&mut parse, id);
    let parts = request.zip(id);
    let subject = caller.subject.clone();
    parse.done(parts.map(|(request, id)| ChangeJob { request, id, change, subject }))
}

/// A line with what came of it.
pub(super) fn outcome(it: &JobLine) -> pb::JobLineOutcome {
    pb::JobLineOutcome {
        line: Some(wire::job::line(&it.line)),
        state: i32::from(it.state.code()),
        account_user_id: it.account_user.as_ref().map(ToString::to_string).unwrap_or_default(),
        entry_seq: it.entry_seq,
        points: it.moved,
        cut: it.cut,
        recalled_points: it.recalled,
        failure: it.refusal.as_ref().map(failure),
    }
}
