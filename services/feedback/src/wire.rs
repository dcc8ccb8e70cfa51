//! Domain values as messages of the contract: for answers, which are recorded with their request ids, and for the
//! payloads of the log. The other way round, with its checks, is `grpc/convert`.

use proto::common::v1 as common;
use proto::feedback::v1 as pb;
use time::{Duration, OffsetDateTime};
use units::time::to_proto;

use crate::domain::calendar::{Frame, WorkingCalendar};
use crate::domain::case::Case;
use crate::domain::case_type::CaseType;
use crate::domain::classification::{Classification, ClassificationRule};
use crate::domain::clock::Clock;
use crate::domain::entry::{Attachment, Entry, What};
use crate::domain::figures::{Figures, share};
use crate::domain::sla_policy::{Policies, SlaPolicy};
use crate::domain::standing::UserValueScale;
use units::text::LocalizedText;

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn text(text: &LocalizedText) -> Option<common::LocalizedText> {
    Some(units::text::to_proto(text))
}

/// A number of the contract's enums.
pub(crate) fn code(code: i16) -> i32 {
    code.into()
}

/// Whole seconds.
pub(crate) fn seconds(measured: Duration) -> i64 {
    measured.whole_seconds()
}

/// Who reads a case.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// Its user, who sees no triage.
    User,
    /// Somebody at the desk, at a time; the policies tell by which calendar its clocks run.
    Desk(&'a Policies, OffsetDateTime),
}

/// A case as its reader sees it.
pub fn case(it: &Case, reader: Reader<'_>) -> pb::Case {
    let ending = it.ending.as_ref();
    pb::Case {
        user_id: it.user.to_string(),
        case_id: it.id.to_string(),
        kind: code(it.kind.code()),
        case_type_id: it.triage.case_type.clone(),
        site: it.origin.site.clone(),
        channel: it.origin.channel.clone(),
        external_reference: it.origin.external_reference.clone(),
        reported_user_id: it.origin.reported_user.clone(),
        state: code(it.state.code()),
        attempt: it.attempt,
        submitted_at: Some(to_proto(it.submitted_at)),
        first_answered_at: at(it.first_answered_at),
        promised_until: at(it.promise.as_ref().map(|promise| promise.until)),
        resolved_at: at(ending.map(|ending| ending.at)),
        resolution: ending.map_or(0, |ending| code(ending.resolution.code())),
        reopen_until: at(ending.map(|ending| ending.reopen_until)),
        score: ending.and_then(|ending| ending.score).map_or(0, i32::from),
        triage: match reader {
            Reader::User => None,
            Reader::Desk(policies, at) => Some(triage(it, policies, at)),
        },
    }
}

fn triage(it: &Case, policies: &Policies, now: OffsetDateTime) -> pb::Triage {
    let calendar = it.plan(policies).calendar;
    pb::Triage {
        department: it.triage.department.clone(),
        assignee_id: it.assignee.clone(),
        urgency: code(it.triage.urgency.code()),
        impact: code(it.triage.impact.code()),
        user_value: i32::from(it.triage.user_value),
        importance: i32::from(it.triage.importance),
        quadrant: code(it.triage.quadrant.code()),
        emotion: code(it.triage.emotion.code()),
        first_response: Some(reading(&it.first_response, calendar, now)),
        resolution: Some(reading(&it.resolution, calendar, now)),
        promise_overdue: it.promise.as_ref().is_some_and(|promise| promise.overdue || promise.until <= now),
        due_at: at(it.due_at()),
        sla_version: it.sla_version,
    }
}

/// Passed is passed, whether or not it was told of yet.
fn reading(it: &Clock, calendar: &WorkingCalendar, now: OffsetDateTime) -> pb::ClockReading {
    pb::ClockReading {
        target_minutes: it.target_minutes,
        elapsed_seconds: seconds(it.watch.elapsed(calendar, now)),
        running: it.runs(),
        deadline: at(it.deadline),
        breached: it.breached || it.deadline.is_some_and(|deadline| deadline <= now),
    }
}

/// What happened to a case. Its user does not see who did it.
pub fn entry(it: &Entry, for_user: bool) -> pb::CaseEntry {
    let (mut changes, mut promised_until, mut resolution, mut score, mut clock) = (Vec::new(), None, 0, 0, 0);
    match &it.what {
        What::Corrected { changes: of } | What::Assigned { changes: of } => {
            let change = |it: &crate::domain::entry::FieldChange| pb::FieldChange {
                field: it.field.clone(),
                before: it.before.clone(),
                after: it.after.clone(),
            };
            changes = of.iter().map(change).collect();
        }
        What::Promised { until, .. } => promised_until = Some(to_proto(*until)),
        What::Resolved { resolution: of, .. } => resolution = code(of.code()),
        What::Rated { score: of } => score = i32::from(*of),
        What::Breached { clock: of } => clock = code(of.code()),
        What::Submitted
        | What::Noted
        | What::Answered { .. }
        | What::Asked { .. }
        | What::Replied
        | What::Reopened
        | What::Replanned => {}
    }
    pb::CaseEntry {
        entry_seq: it.seq,
        kind: code(it.what.code()),
        agent_id: if for_user { String::new() } else { it.message.agent.clone() },
        text: it.message.text.clone(),
        attachments: it.message.attachments.iter().map(attachment).collect(),
        visible_to_user: it.what.visible(),
        changes,
        promised_until,
        resolution,
        score,
        clock,
        occurred_at: Some(to_proto(it.occurred_at)),
        recorded_at: Some(to_proto(it.recorded_at)),
    }
}

fn attachment(it: &Attachment) -> pb::Attachment {
    pb::Attachment { reference: it.reference.clone(), media_type: it.media_type.clone(), name: it.name.clone() }
}

/// A case type.
pub fn case_type(it: &CaseType) -> pb::CaseType {
    pb::CaseType {
        case_type_id: it.id.to_string(),
        product_id: it.product.clone(),
        display_name: text(&it.display_name),
        department: it.department.clone(),
        urgency: it.urgency.map_or(0, |it| code(it.code())),
        impact: it.impact.map_or(0, |it| code(it.code())),
        answer_within_minutes: it.answer_within_minutes,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

fn frames(frames: &[Frame]) -> Vec<pb::Frame> {
    let frame = |it: &Frame| pb::Frame { start_minute: it.start.into(), end_minute: it.end.into() };
    frames.iter().map(frame).collect()
}

/// A policy.
pub fn sla_policy(it: &SlaPolicy) -> pb::SlaPolicy {
    let calendar = |(id, it): (&String, &WorkingCalendar)| {
        let worked = it.week.iter().zip(1..).filter(|(of, _)| !of.is_empty());
        let special =
            |(day, of): (&units::zone::Day, &Vec<Frame>)| pb::SpecialDay { date: day.to_string(), frames: frames(of) };
        pb::WorkingCalendar {
            calendar_id: id.clone(),
            zone: it.zone.name().to_owned(),
            week: worked.map(|(of, weekday)| pb::WorkingDay { weekday, frames: frames(of) }).collect(),
            special_days: it.special.iter().map(special).collect(),
        }
    };
    let targets = it.targets.iter().map(|(quadrant, target)| pb::QuadrantTarget {
        quadrant: code(quadrant.code()),
        calendar_id: target.calendar_id.clone(),
        first_response_minutes: target.first_response_minutes,
        resolution_minutes: target.resolution_minutes,
    });
    pb::SlaPolicy {
        calendars: it.calendars.iter().map(calendar).collect(),
        targets: targets.collect(),
        reopen_within_days: it.reopen_within_days,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

fn rule(it: &ClassificationRule) -> pb::ClassificationRule {
    pb::ClassificationRule {
        rule_id: it.id.clone(),
        any_keywords: it.any_keywords.clone(),
        all_keywords: it.all_keywords.clone(),
        kinds: it.kinds.iter().map(|kind| code(kind.code())).collect(),
        sites: it.sites.clone(),
        case_type_id: it.case_type.clone(),
        department: it.department.clone(),
        urgency: it.urgency.map_or(0, |it| code(it.code())),
        emotion: it.emotion.map_or(0, |it| code(it.code())),
    }
}

fn scale(it: &UserValueScale) -> pb::UserValueScale {
    pb::UserValueScale {
        middle_spend_minor: it.middle_spend_minor,
        high_spend_minor: it.high_spend_minor,
        middle_rank: it.middle_rank.into(),
        high_rank: it.high_rank.into(),
        middle_stages: it.middle_stages.clone(),
        high_stages: it.high_stages.clone(),
    }
}

/// A classification; the defaults were never published.
pub fn classification(it: &Classification) -> pb::Classification {
    pb::Classification {
        rules: it.rules.iter().map(rule).collect(),
        user_value: Some(scale(&it.user_value)),
        important_from: it.important_from.into(),
        version: it.version,
        publish_time: (it.version > 0).then(|| to_proto(it.publish_time)),
    }
}

/// Figures with their shares.
pub fn figures(it: &Figures) -> pb::CaseFigures {
    pb::CaseFigures {
        submitted: it.submitted,
        answered: it.answered,
        first_answer_median_seconds: it.first_answer_median,
        first_answer_mean_seconds: it.first_answer_mean,
        resolved: it.resolved,
        resolution_median_seconds: it.resolution_median,
        resolution_mean_seconds: it.resolution_mean,
        sla_decided: it.sla_decided,
        within_sla: it.within_sla,
        within_sla_share: share(it.within_sla, it.sla_decided),
        ratings: it.ratings,
        satisfied: it.satisfied,
        satisfaction_share: share(it.satisfied, it.ratings),
        ever_resolved: it.ever_resolved,
        reopened: it.reopened,
        reopen_share: share(it.reopened, it.ever_resolved),
    }
}
