//! The entries of this service's log, and what it reads of other services' logs. What users and operators wrote never
//! stands in an event.

use eventlog::{Draft, EventPayload, derive};
use proto::events::v1::{Event, FactValue, Facts, fact_value};
use proto::feedback::v1 as pb;
use proto::levels::v1 as levels;
use requests::Request;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::case::Case;
use crate::domain::entry::{Entry, What};
use crate::wire::{code, seconds};

/// The types that say what a user is worth, all from profiles' log: their facts do.
pub const VALUED: [&str; 6] =
    ["order.paid", "order.completed", "order.cancelled", "order.refunded", "user.visited", "stage.moved"];

/// The events of a case's entries, in order. What follows from facts is that of the case as it is after all of them.
pub fn told(case: &Case, entries: &[Entry]) -> Vec<Draft> {
    entries.iter().flat_map(|entry| of_entry(case, entry)).collect()
}

fn of_entry(case: &Case, entry: &Entry) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if entry.what.first_answer() {
        let payload = pb::CaseAnswered {
            case_id: case.id.to_string(),
            elapsed_seconds: seconds(case.first_response.watch.elapsed),
            within_target: !case.first_response.breached,
        };
        drafts.push(draft(case, entry, 1, &payload));
    }
    let case_id = case.id.to_string();
    match &entry.what {
        What::Submitted => drafts.push(draft(case, entry, 0, &submitted(case))),
        What::Promised { until, .. } => {
            let payload = pb::CasePromised { case_id, promised_until: Some(to_proto(*until)) };
            drafts.push(draft(case, entry, 0, &payload));
        }
        What::Resolved { .. } => drafts.push(draft(case, entry, 0, &resolved(case))),
        What::Reopened => drafts.push(draft(case, entry, 0, &pb::CaseReopened { case_id, attempt: case.attempt })),
        What::Rated { score } => {
            let payload = pb::CaseRated { case_id, attempt: case.attempt, score: i32::from(*score) };
            drafts.push(draft(case, entry, 0, &payload));
        }
        What::Breached { clock } => {
            let payload = pb::CaseBreached {
                case_id,
                clock: code(clock.code()),
                deadline: Some(to_proto(entry.occurred_at)),
                assignee_id: case.assignee.clone(),
                department: case.triage.department.clone(),
                quadrant: code(entry.quadrant.code()),
            };
            drafts.push(draft(case, entry, 0, &payload));
        }
        What::Answered { first: true } => {}
        What::Corrected { .. }
        | What::Assigned { .. }
        | What::Noted
        | What::Answered { first: false }
        | What::Asked { .. }
        | What::Replied
        | What::Replanned => {
            let payload = pb::CaseChanged {
                case_id,
                change: code(entry.what.code()),
                state: code(entry.state.code()),
                quadrant: code(entry.quadrant.code()),
            };
            drafts.push(draft(case, entry, 0, &payload));
        }
    }
    drafts
}

fn submitted(case: &Case) -> pb::CaseSubmitted {
    pb::CaseSubmitted {
        case_id: case.id.to_string(),
        kind: code(case.kind.code()),
        case_type_id: case.triage.case_type.clone(),
        department: case.triage.department.clone(),
        urgency: code(case.triage.urgency.code()),
        importance: i32::from(case.triage.importance),
        quadrant: code(case.triage.quadrant.code()),
        channel: case.origin.channel.clone(),
        emotion: code(case.triage.emotion.code()),
    }
}

fn resolved(case: &Case) -> pb::CaseResolved {
    pb::CaseResolved {
        case_id: case.id.to_string(),
        case_type_id: case.triage.case_type.clone(),
        department: case.triage.department.clone(),
        urgency: code(case.triage.urgency.code()),
        importance: i32::from(case.triage.importance),
        quadrant: code(case.triage.quadrant.code()),
        kind: code(case.kind.code()),
        within_sla: case.within_sla(),
        attempt: case.attempt,
        resolution: case.ending.as_ref().map_or(0, |ending| code(ending.resolution.code())),
        elapsed_seconds: seconds(case.resolution.watch.elapsed),
    }
}

fn draft<P: EventPayload>(case: &Case, entry: &Entry, n: u32, payload: &P) -> Draft {
    let user = case.user.as_str();
    let event_id = derive(user, &format!("case/{}/{}", case.id, entry.seq), n);
    Draft::new(user, event_id, payload, entry.occurred_at).facts(facts(case, entry)).site(case.origin.site.as_str())
}

/// What rules of other services may ask of a case.
fn facts(case: &Case, entry: &Entry) -> Facts {
    use fact_value::Value::{Flag, Number, Text};
    let triage = &case.triage;
    let mut facts = vec![
        ("case.kind", Text(case.kind.as_str().to_owned())),
        ("case.type", Text(triage.case_type.clone())),
        ("case.quadrant", Text(triage.quadrant.as_str().to_owned())),
        ("case.urgency", Number(i64::from(triage.urgency.code()))),
        ("case.importance", Number(i64::from(triage.importance))),
        ("case.attempt", Number(i64::from(case.attempt))),
        ("case.emotional", Flag(triage.emotion == crate::domain::triage::Emotion::Upset)),
    ];
    match &entry.what {
        What::Resolved { resolution, .. } => {
            facts.push(("case.resolution", Text(resolution.as_str().to_owned())));
            facts.push(("case.within_sla", Flag(case.within_sla())));
        }
        What::Rated { score } => facts.push(("case.score", Number(i64::from(*score)))),
        _ => {}
    }
    let fact = |(name, value): (&str, _)| (name.to_owned(), FactValue { value: Some(value) });
    Facts { values: facts.into_iter().map(fact).collect() }
}

/// A case type, policy or classification was defined anew.
pub fn published(request: &Request, what: pb::desk_published::Published, at: OffsetDateTime) -> Draft {
    let event_id = derive(request.id.as_str(), request.method, 0);
    Draft::new("", event_id, &pb::DeskPublished { published: Some(what) }, at)
}

/// Net spend in minor units and stage of the event's user, where profiles knew them.
pub fn user_value(event: &Event) -> Option<(i64, &str)> {
    let values = &event.facts.as_ref()?.values;
    let fact = |name: &str| values.get(name).and_then(|fact| fact.value.as_ref());
    match (fact("user.net_spend_minor"), fact("user.stage")) {
        (Some(fact_value::Value::Number(spend)), Some(fact_value::Value::Text(stage))) => Some((*spend, stage)),
        _ => None,
    }
}

/// The rank in the main scheme that a `level.moved` event tells of; `None`: it is about another. The error says what is wrong with it.
pub fn rank(event: &Event) -> Result<Option<i16>, String> {
    let payload: levels::LevelMoved = payload(event)?;
    let moved = payload.r#move.ok_or("move is missing")?;
    let rank = i16::try_from(moved.to_rank).map_err(|_| "to_rank is out of range".to_owned())?;
    Ok((!payload.secondary).then_some(rank))
}

pub(crate) fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}
