use std::collections::BTreeMap;

use ids::Key;
use proto::feedback::v1 as pb;
use requests::body_of;
use service::Parse;
use status::Violations;
use time::OffsetDateTime;
use units::zone::{Day, Zone};

use super::{named, open, optional_key};
use crate::commands::{PublishCaseType, PublishClassification, PublishSlaPolicy};
use crate::domain::calendar::{Frame, WorkingCalendar};
use crate::domain::case_type::CaseType;
use crate::domain::classification::{Classification, ClassificationRule};
use crate::domain::sla_policy::{QuadrantTarget, REOPEN_WITHIN_DAYS, SlaPolicy};
use crate::domain::standing::UserValueScale;
use crate::domain::triage::{CaseKind, Emotion, Impact, Quadrant, Urgency};

/// The shortest week: below it a target would lie years ahead.
const WEEK_MINUTES_MIN: u32 = 60;
/// Keywords of all rules together: each is looked for in every text.
const KEYWORDS_MAX: usize = 2_000;
const UNSET: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// The id of a case type.
pub(in crate::grpc) fn case_type_id(id: &str) -> Result<Key, Violations> {
    let mut parse = Parse::default();
    let key = parse.key("case_type_id", id);
    parse.done(key)
}

pub(in crate::grpc) fn publish_case_type(sent: &pb::PublishCaseTypeRequest) -> Result<PublishCaseType, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "CaseTypeService/PublishCaseType", &sent.request_id, body_of(sent));
    let it = sent.case_type.clone().unwrap_or_default();
    let id = parse.key("case_type.case_type_id", &it.case_type_id);
    let product = optional_key(&mut parse, "case_type.product_id", &it.product_id);
    let department = optional_key(&mut parse, "case_type.department", &it.department);
    let display_name = parse.text("case_type.display_name", it.display_name.as_ref());
    let urgency = open(&mut parse, "case_type.urgency", it.urgency, Urgency::from_code);
    let impact = open(&mut parse, "case_type.impact", it.impact, Impact::from_code);
    let read = (|| {
        let (version, publish_time) = (0, UNSET);
        let answer_within_minutes = it.answer_within_minutes;
        let case_type = CaseType {
            id: id?,
            product,
            display_name,
            department,
            urgency,
            impact,
            answer_within_minutes,
            version,
            publish_time,
        };
        Some(PublishCaseType { request: request?, case_type })
    })();
    parse.done(read)
}

pub(in crate::grpc) fn publish_sla_policy(sent: &pb::PublishSlaPolicyRequest) -> Result<PublishSlaPolicy, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "DeskService/PublishSlaPolicy", &sent.request_id, body_of(sent));
    let it = sent.sla_policy.clone().unwrap_or_default();
    let mut calendars = BTreeMap::new();
    for (n, calendar) in it.calendars.iter().enumerate() {
        let field = format!("sla_policy.calendars[{n}]");
        parse.key(&format!("{field}.calendar_id"), &calendar.calendar_id);
        if let Some(read) = working_calendar(&mut parse, &field, calendar) {
            let before = calendars.insert(calendar.calendar_id.clone(), read);
            parse.require(before.is_none(), &format!("{field}.calendar_id"), "must be another than those before");
        }
    }
    let mut targets = BTreeMap::new();
    for (n, target) in it.targets.iter().enumerate() {
        let field = format!("sla_policy.targets[{n}]");
        let known = it.calendars.iter().any(|calendar| calendar.calendar_id == target.calendar_id);
        parse.require(known, &format!("{field}.calendar_id"), "must be one of the calendars");
        let quadrant = named(&mut parse, &format!("{field}.quadrant"), target.quadrant, Quadrant::from_code);
        let read = QuadrantTarget {
            calendar_id: target.calendar_id.clone(),
            first_response_minutes: target.first_response_minutes,
            resolution_minutes: target.resolution_minutes,
        };
        if let Some(quadrant) = quadrant {
            let before = targets.insert(quadrant, read);
            parse.require(before.is_none(), &format!("{field}.quadrant"), "must be another than those before");
        }
    }
    let reopen_within_days = if it.reopen_within_days == 0 { REOPEN_WITHIN_DAYS } else { it.reopen_within_days };
    let sla_policy = SlaPolicy { calendars, targets, reopen_within_days, version: 0, publish_time: UNSET };
    parse.done(request.map(|request| PublishSlaPolicy { request, sla_policy }))
}

fn working_calendar(parse: &mut Parse, field: &str, sent: &pb::WorkingCalendar) -> Option<WorkingCalendar> {
    let zone = Zone::new(&sent.zone).map_err(|fault| parse.refuse(format!("{field}.zone"), fault.to_string())).ok();
    let mut week: [Vec<Frame>; 7] = Default::default();
    for (n, day) in sent.week.iter().enumerate() {
        let field = format!("{field}.week[{n}]");
        let place = usize::try_from(day.weekday - 1).ok().and_then(|weekday| week.get_mut(weekday));
        let free = place.filter(|frames| frames.is_empty());
        parse.require(free.is_some(), &format!("{field}.weekday"), "must be a day that was not named before");
        let read = frames(parse, &field, &day.frames);
        if let Some(place) = free {
            *place = read;
        }
    }
    let minutes: u32 = week.iter().flatten().map(|frame| u32::from(frame.end.saturating_sub(frame.start))).sum();
    parse.require(minutes >= WEEK_MINUTES_MIN, &format!("{field}.week"), "must have at least 60 minutes");
    let mut special = BTreeMap::new();
    for (n, day) in sent.special_days.iter().enumerate() {
        let field = format!("{field}.special_days[{n}]");
        let read = frames(parse, &field, &day.frames);
        let free = Day::parse(&day.date).filter(|date| special.insert(*date, read).is_none());
        parse.require(free.is_some(), &format!("{field}.date"), "must be a date that was not named before");
    }
    Some(WorkingCalendar { zone: zone?, week, special })
}

fn frames(parse: &mut Parse, field: &str, sent: &[pb::Frame]) -> Vec<Frame> {
    let minute = |minute: i32| u16::try_from(minute).unwrap_or(u16::MAX);
    let mut read: Vec<Frame> = Vec::with_capacity(sent.len());
    for (n, frame) in sent.iter().enumerate() {
        let frame = Frame { start: minute(frame.start_minute), end: minute(frame.end_minute) };
        let free_from = read.last().map_or(0, |before| before.end);
        let fits = free_from <= frame.start && frame.start < frame.end && frame.end <= 24 * 60;
        parse.require(fits, &format!("{field}.frames[{n}]"), "must end after its start and begin after the one before");
        read.push(frame);
    }
    read
}

pub(in crate::grpc) fn publish_classification(
    sent: &pb::PublishClassificationRequest,
) -> Result<PublishClassification, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "DeskService/PublishClassification", &sent.request_id, body_of(sent));
    let it = sent.classification.clone().unwrap_or_default();
    let mut rules: Vec<ClassificationRule> = Vec::with_capacity(it.rules.len());
    for (n, rule) in it.rules.iter().enumerate() {
        let field = format!("classification.rules[{n}]");
        let fresh = rules.iter().all(|before| before.id != rule.rule_id);
        parse.require(fresh, &format!("{field}.rule_id"), "must be another than those before");
        rules.push(classification_rule(&mut parse, &field, rule));
    }
    let keywords: usize = rules.iter().map(|rule| rule.any_keywords.len() + rule.all_keywords.len()).sum();
    parse.require(keywords <= KEYWORDS_MAX, "classification.rules", "must have at most 2000 keywords in all");
    let small = |rank: i32| i16::try_from(rank).unwrap_or(i16::MAX);
    let user_value = it.user_value.map_or_else(UserValueScale::default, |scale| UserValueScale {
        middle_spend_minor: scale.middle_spend_minor,
        high_spend_minor: scale.high_spend_minor,
        middle_rank: small(scale.middle_rank),
        high_rank: small(scale.high_rank),
        middle_stages: scale.middle_stages,
        high_stages: scale.high_stages,
    });
    let important_from =
        if it.important_from == 0 { Classification::default().important_from } else { small(it.important_from) };
    let classification = Classification { rules, user_value, important_from, version: 0, publish_time: UNSET };
    parse.done(request.map(|request| PublishClassification { request, classification }))
}

fn classification_rule(parse: &mut Parse, field: &str, sent: &pb::ClassificationRule) -> ClassificationRule {
    parse.key(&format!("{field}.rule_id"), &sent.rule_id);
    let conditions = sent.any_keywords.len() + sent.all_keywords.len() + sent.kinds.len() + sent.sites.len();
    parse.require(conditions > 0, field, "must have a condition: keywords, kinds or sites");
    let kinds =
        sent.kinds.iter().filter_map(|kind| named(parse, &format!("{field}.kinds"), *kind, CaseKind::from_code));
    ClassificationRule {
        id: sent.rule_id.clone(),
        any_keywords: sent.any_keywords.clone(),
        all_keywords: sent.all_keywords.clone(),
        kinds: kinds.collect(),
        sites: sent.sites.clone(),
        case_type: optional_key(parse, &format!("{field}.case_type_id"), &sent.case_type_id),
        department: optional_key(parse, &format!("{field}.department"), &sent.department),
        urgency: open(parse, &format!("{field}.urgency"), sent.urgency, Urgency::from_code),
        emotion: open(parse, &format!("{field}.emotion"), sent.emotion, Emotion::from_code),
    }
}
