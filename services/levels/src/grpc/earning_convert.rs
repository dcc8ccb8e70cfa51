//! Earning rules, and events to try them on, as they are sent.

use ids::Key;
use proto::common::v1::Position;
use proto::events::v1::{FactValue, Facts, fact_value};
use proto::google::r#type::Money;
use proto::levels::v1 as pb;
use proto::profiles::v1::Order;
use requests::body_of;
use rules::{Written, WrittenRow};
use service::Parse;
use status::Violations;
use time::OffsetDateTime;

use crate::commands::PublishEarningRule;
use crate::domain::cap::{Cap, Period, Scope};
use crate::domain::earning::{COUNTING_EVENTS, EarningRule, Happening};
use crate::domain::entry::Payer;
use crate::domain::group::{Choice, Place};
use crate::domain::line_rate::LineRate;
use crate::domain::multiplier::{Mix, Multiplier, Multipliers};
use crate::events;
use crate::queries::{AskedBacktest, AskedDryRun, AskedEvent};

/// Facts that an event has at most.
const FACTS_MAX: usize = 64;
/// Characters of the name or the text of a fact.
const FACT_CHARS_MAX: usize = 500;
/// The event that is about no order.
const VISIT: &str = "user.visited";

pub(super) fn publish(sent: &pb::PublishEarningRuleRequest) -> Result<PublishEarningRule, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "EarningRuleService/PublishEarningRule", &sent.request_id, body_of(sent));
    let rule = rule(&mut parse, "rule", sent.rule.clone().unwrap_or_default());
    parse.done((|| Some(PublishEarningRule { request: request?, rule: rule? }))())
}

pub(super) fn dry_run(sent: &pb::DryRunEarningRequest) -> Result<AskedDryRun, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(&sent.user_id);
    event_type(&mut parse, "event_type", &sent.event_type);
    let event = match &sent.told_at {
        Some(place) => told(&mut parse, sent, place),
        None => described(&mut parse, sent),
    };
    let draft = draft(&mut parse, sent.draft.as_ref(), &sent.event_type);
    let event_type = sent.event_type.clone();
    parse.done(user.map(|user| AskedDryRun { user, event_type, event, draft }))
}

/// The place of an event, beside which nothing is described.
fn told(parse: &mut Parse, sent: &pb::DryRunEarningRequest, place: &Position) -> AskedEvent {
    if place.source != "profiles" {
        parse.refuse("told_at.source", "must be profiles");
    }
    if place.seq == 0 {
        parse.refuse("told_at.seq", "must be above 0");
    }
    let described = [
        ("occurred_at", sent.occurred_at.is_some()),
        ("site", !sent.site.is_empty()),
        ("order", sent.order.is_some()),
        ("first_order", sent.first_order),
        ("visit_duration_seconds", sent.visit_duration_seconds != 0),
        ("facts", sent.facts.is_some()),
    ];
    for (field, _) in described.into_iter().filter(|(_, set)| *set) {
        parse.refuse(field, "must be left out where told_at names the event");
    }
    AskedEvent::Told { partition: place.partition, seq: place.seq }
}

fn described(parse: &mut Parse, sent: &pb::DryRunEarningRequest) -> AskedEvent {
    let occurred_at = parse.time("occurred_at", sent.occurred_at.as_ref());
    let mut happening = Happening::default();
    let mut order_id = String::new();
    if sent.event_type == VISIT {
        happening.set("visit.duration_seconds", i64::from(sent.visit_duration_seconds));
        if sent.order.is_some() {
            parse.refuse("order", "a visit is about none");
        }
    } else {
        amounts(parse, sent.order.as_ref());
        match sent.order.clone().map(|order| events::order(Some(order), sent.first_order)) {
            None => parse.refuse("order", format!("is required for {}", sent.event_type)),
            Some(Ok(read)) => (order_id, happening) = read,
            Some(Err(fault)) => parse.refuse("order", fault),
        }
    }
    happening.set("event.site", sent.site.as_str());
    facts(parse, sent.facts.as_ref());
    events::add_facts(&mut happening, sent.facts.as_ref());
    let currency = sent.order.as_ref().and_then(|order| Some(order.total.as_ref()?.currency_code.clone()));
    AskedEvent::Described { occurred_at, order_id, currency, happening }
}

/// Amounts of an order are those that profiles would take: of one currency and not negative.
fn amounts(parse: &mut Parse, order: Option<&Order>) {
    let Some(order) = order else { return };
    let currency = order.total.as_ref().map_or("", |total| total.currency_code.as_str());
    if units::money::decimals(currency).is_none() {
        parse.refuse("order.total.currency_code", "must be a currency in circulation");
        return;
    }
    let own = [
        ("freight", &order.freight),
        ("deposit", &order.deposit),
        ("balance", &order.balance),
        ("total", &order.total),
    ];
    let mut all: Vec<(String, &Option<Money>)> = own.map(|(name, it)| (format!("order.{name}"), it)).into();
    for (n, line) in order.lines.iter().enumerate() {
        all.push((format!("order.lines[{n}].list_price"), &line.list_price));
        all.push((format!("order.lines[{n}].paid"), &line.paid));
        let discounts = line.discounts.iter().enumerate();
        all.extend(discounts.map(|(m, it)| (format!("order.lines[{n}].discounts[{m}].amount"), &it.amount)));
    }
    for (field, amount) in all {
        match amount.as_ref().map(|amount| units::money::from_proto(amount, currency)) {
            Some(Ok(minor)) if minor < 0 => parse.refuse(field, "must not be negative"),
            Some(Err(fault)) => parse.refuse(field, fault.to_string()),
            Some(Ok(_)) | None => {}
        }
    }
}

/// Facts are not more and not longer than a log's.
fn facts(parse: &mut Parse, facts: Option<&Facts>) {
    let Some(facts) = facts else { return };
    if facts.values.len() > FACTS_MAX {
        parse.refuse("facts.values", format!("must be at most {FACTS_MAX}"));
    }
    let long = |text: &str| text.chars().count() > FACT_CHARS_MAX;
    let too_long = |(name, fact): (&String, &FactValue)| {
        let text = match &fact.value {
            Some(fact_value::Value::Text(text)) => text,
            _ => "",
        };
        long(name) || long(text)
    };
    if facts.values.iter().any(too_long) {
        parse.refuse("facts.values", format!("must have names and texts of at most {FACT_CHARS_MAX} characters"));
    }
}

pub(super) fn backtest(sent: &pb::BacktestEarningRequest) -> Result<AskedBacktest, Violations> {
    let mut parse = Parse::default();
    event_type(&mut parse, "event_type", &sent.event_type);
    let from = parse.time("from", sent.from.as_ref());
    let until = parse.time("until", sent.until.as_ref());
    if from.zip(until).is_some_and(|(from, until)| from >= until) {
        parse.refuse("until", "must be after from");
    }
    let draft = draft(&mut parse, sent.draft.as_ref(), &sent.event_type);
    let event_type = sent.event_type.clone();
    parse.done(Some(AskedBacktest { event_type, from, until, draft, partitions: sent.partitions }))
}

/// A rule that is tried on events of a type.
fn draft(parse: &mut Parse, sent: Option<&pb::EarningRule>, event_type: &str) -> Option<EarningRule> {
    let draft = sent?;
    if draft.event_type != event_type {
        parse.refuse("draft.event_type", "must be that of the event");
    }
    rule(parse, "draft", draft.clone())
}

fn event_type(parse: &mut Parse, field: &str, event_type: &str) {
    if !COUNTING_EVENTS.contains(&event_type) {
        parse.refuse(field, format!("must be one of {}", COUNTING_EVENTS.join(", ")));
    }
}

/// A rule that stands in a field, readable as a whole.
fn rule(parse: &mut Parse, field: &str, it: pb::EarningRule) -> Option<EarningRule> {
    let at = |name: &str| format!("{field}.{name}");
    let id = parse.key(&at("rule_id"), &it.rule_id);
    let point_type = parse.key(&at("point_type_id"), &it.point_type_id);
    let valid_from = parse.time(&at("valid_from"), it.valid_from.as_ref());
    let valid_until = parse.time(&at("valid_until"), it.valid_until.as_ref());
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        parse.refuse(at("valid_until"), "must be after valid_from");
    }
    event_type(parse, &at("event_type"), &it.event_type);
    if it.event_type == VISIT && !it.line_rates.is_empty() {
        parse.refuse(at("line_rates"), "a visit has no lines");
    }
    let caps = caps(parse, &at("caps"), &it.caps);
    let multipliers = multipliers(parse, field, it.multipliers, it.multiplier_mix);
    let place = place(parse, field, &it.group, it.priority, it.group_choice);
    let rule = EarningRule {
        version: 0,
        // a wrong one is refused already: any key does to read on
        point_type: point_type.or_else(|| id.clone())?,
        id: id?,
        event_type: it.event_type,
        condition: condition(it.condition),
        formula: it.formula,
        exact: true,
        line_rates: it.line_rates.into_iter().map(line_rate).collect(),
        multipliers,
        place,
        valid_from,
        valid_until,
        caps,
        payer: Payer { cost_centre: it.cost_centre, funder: it.funder },
        paused: it.paused,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    };
    for fault in rule.compile().err().unwrap_or_default() {
        parse.refuse(at(&fault.field), fault.cause);
    }
    Some(rule)
}

/// Caps that stand in a field: each with a limit, and one per scope and period.
pub(super) fn caps(parse: &mut Parse, field: &str, sent: &[pb::Cap]) -> Vec<Cap> {
    let mut caps: Vec<Cap> = Vec::with_capacity(sent.len());
    for (n, it) in sent.iter().enumerate() {
        let period = i16::try_from(it.period).ok().and_then(Period::from_code);
        let (Some(scope), Some(period)) = (Scope::from_code(it.scope), period) else {
            parse.refuse(format!("{field}[{n}]"), "must have a scope and a period");
            continue;
        };
        let limit = |max: i64| (max > 0).then_some(max);
        let cap = Cap { scope, period, points: limit(it.points_max), times: limit(it.times_max) };
        if cap.points.is_none() && cap.times.is_none() {
            parse.refuse(format!("{field}[{n}].points_max"), "must be set where times_max is not");
        }
        if caps.iter().any(|other| (other.scope, other.period) == (scope, period)) {
            parse.refuse(format!("{field}[{n}].period"), "stands twice for its scope");
        }
        caps.push(cap);
    }
    caps
}

fn multipliers(parse: &mut Parse, field: &str, sent: Vec<pb::Multiplier>, mix: i32) -> Multipliers {
    let mix = i16::try_from(mix.max(1)).ok().and_then(Mix::from_code); // unspecified is their product
    if mix.is_none() {
        parse.refuse(format!("{field}.multiplier_mix"), "must be one of the mixes");
    }
    let mix = mix.unwrap_or_default(); // refused; read on, so that all that is wrong is told at once
    let multiplier = |it: pb::Multiplier| {
        use pb::multiplier::Condition;
        let condition = match it.condition {
            None => Written::Always,
            Some(Condition::Expression(text)) => Written::Expression(text),
            Some(Condition::Form(form)) => Written::Form(rows(form)),
        };
        Multiplier { condition, factor_basis_points: it.factor_basis_points }
    };
    Multipliers { list: sent.into_iter().map(multiplier).collect(), mix }
}

fn place(parse: &mut Parse, field: &str, group: &str, priority: i32, choice: i32) -> Place {
    let group: Option<Key> = match group {
        "" => None,
        group => parse.key(&format!("{field}.group"), group),
    };
    let choice = i16::try_from(choice.max(1)).ok().and_then(Choice::from_code); // unspecified is by priority
    if choice.is_none() {
        parse.refuse(format!("{field}.group_choice"), "must be one of the choices");
    }
    Place { group, priority, choice: choice.unwrap_or_default() }
}

fn line_rate(it: pb::LineRate) -> LineRate {
    LineRate {
        skus: it.skus,
        categories: it.categories,
        points_per_piece: it.points_per_piece,
        rate_basis_points: it.rate_basis_points,
    }
}

fn condition(sent: Option<pb::earning_rule::Condition>) -> Written {
    use pb::earning_rule::Condition;
    match sent {
        None => Written::Always,
        Some(Condition::Expression(text)) => Written::Expression(text),
        Some(Condition::Form(form)) => Written::Form(rows(form)),
    }
}

pub(super) fn rows(form: pb::Form) -> Vec<WrittenRow> {
    let row = |row: pb::FormRow| WrittenRow { field: row.field, operator: row.operator, value: row.value };
    form.rows.into_iter().map(row).collect()
}
