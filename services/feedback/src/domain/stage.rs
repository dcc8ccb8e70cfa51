//! What the tests of the domain begin with.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Key, UserId};
use time::{Duration, OffsetDateTime};
use units::zone::{Day, Zone};

use super::calendar::{Frame, WorkingCalendar};
use super::case::{Case, Dealing, Origin};
use super::case_type::CaseType;
use super::entry::Message;
use super::rulebook::Rulebook;
use super::sla_policy::{Policies, QuadrantTarget, SlaPolicy};
use super::submission::{Desk, Submission};
use super::triage::{CaseKind, Quadrant};
use units::text::LocalizedText;

/// Minutes after midnight, UTC, of Friday 20 November 2026.
pub(crate) fn at(minutes: i64) -> OffsetDateTime {
    time::macros::datetime!(2026-11-20 0:00 UTC) + Duration::minutes(minutes)
}

pub(crate) fn hours(start: u16, end: u16) -> Frame {
    Frame { start: start * 60, end: end * 60 }
}

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Monday to Friday with these frames.
pub(crate) fn calendar(zone: &str, frames: &[Frame]) -> WorkingCalendar {
    let week = std::array::from_fn(|weekday| if weekday < 5 { frames.to_vec() } else { vec![] });
    WorkingCalendar { zone: Zone::new(zone).unwrap(), week, special: [].into() }
}

/// All quadrants by one calendar, with these minutes, from a time on.
pub(crate) fn policy(
    version: i32,
    calendar: WorkingCalendar,
    (first_response_minutes, resolution_minutes): (i32, i32),
    publish_time: OffsetDateTime,
) -> SlaPolicy {
    let target = |quadrant: &Quadrant| {
        let calendar_id = "desk".to_owned();
        (*quadrant, QuadrantTarget { calendar_id, first_response_minutes, resolution_minutes })
    };
    SlaPolicy {
        calendars: [("desk".to_owned(), calendar)].into(),
        targets: Quadrant::ALL.iter().map(target).collect(),
        reopen_within_days: 14,
        version,
        publish_time,
    }
}

/// One version, of working days from 9 to 17.
pub(crate) fn nine_to_five(first_response_minutes: i32, resolution_minutes: i32) -> Policies {
    let minutes = (first_response_minutes, resolution_minutes);
    Policies(vec![policy(1, calendar("UTC", &[hours(9, 17)]), minutes, at(0))])
}

pub(crate) fn case_type(id: &str) -> CaseType {
    CaseType {
        id: Key::new(id).unwrap(),
        product: String::new(),
        display_name: LocalizedText::default(),
        department: String::new(),
        urgency: None,
        impact: None,
        answer_within_minutes: 0,
        version: 1,
        publish_time: at(0),
    }
}

pub(crate) fn complaint(text: &str) -> Submission {
    Submission {
        user: UserId::new("u").unwrap(),
        case_id: Key::new("c").unwrap(),
        kind: CaseKind::Complaint,
        origin: Origin::default(),
        message: says(text),
        case_type: String::new(),
        department: String::new(),
        urgency: None,
    }
}

/// By the user.
pub(crate) fn says(text: &str) -> Message {
    Message { text: text.to_owned(), ..Message::default() }
}

/// By an operator.
pub(crate) fn writes(agent: &str) -> Message {
    Message { agent: agent.to_owned(), text: "text".to_owned(), attachments: vec![] }
}

/// A case that came in at a time.
pub(crate) fn case(policies: &Policies, at: OffsetDateTime) -> Case {
    let rules = Rulebook { policies: policies.clone(), ..Rulebook::default() };
    let mut desk = Desk { rules: &rules, standings: BTreeMap::new(), taken: BTreeSet::new() };
    desk.submit(&complaint("text"), at).unwrap().0
}

/// Takes up a case, does something with it, and puts it back; answers what happened.
pub(crate) fn deal<T>(
    case: &mut Case,
    policies: &Policies,
    at: OffsetDateTime,
    act: impl FnOnce(&mut Dealing<'_>) -> T,
) -> (T, Vec<super::entry::Entry>) {
    let mut dealing = Dealing::take_up(case.clone(), policies, at);
    let result = act(&mut dealing);
    let (dealt, entries) = dealing.close();
    *case = dealt;
    (result, entries)
}
