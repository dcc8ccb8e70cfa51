//! The entries of this service's log, and what it reads of other services' logs.

pub mod benefit;
pub mod goal;
pub mod incentives;
pub mod job;
pub mod leaderboard;

use eventlog::{Draft, EventPayload, Link, TooManyHops, derive};
use ids::{EventId, Key, UserId};
use proto::events::v1::{Event, EventMode, FactValue, Facts, fact_value};
use proto::google::r#type::Money;
use proto::levels::v1 as pb;
use proto::profiles::v1 as profiles;
use requests::Request;
use rules::Value;
use time::OffsetDateTime;
use units::time::from_proto;

use crate::domain::adjustment::Adjustment;
use crate::domain::book::{Effect, HoldChange, What};
use crate::domain::consume::{Incoming, Says};
use crate::domain::earning::Happening;
use crate::domain::hold::Hold;
use crate::domain::level_act::LevelAct;
use crate::domain::line_rate::Line;
use crate::domain::order::Refund;
use crate::domain::parts::ReturnedLine;
use crate::domain::reward::Carried;
use crate::wire;

/// The types that earning reads from profiles' log.
pub const CONSUMED: [&str; 7] = [
    "order.paid",
    "order.completed",
    "order.cancelled",
    "order.refunded",
    "user.visited",
    mirror::TYPES[0],
    mirror::TYPES[1],
];

/// The types that quests read from it. Whom ids mean and which tenants there are is earning's to note: a second consumer, which
/// may be behind, would take that back to what was.
pub const QUEST_CONSUMED: [&str; 5] =
    ["order.paid", "order.completed", "order.cancelled", "order.refunded", "user.visited"];

/// Types that quests have nothing to do for.
pub const QUEST_IGNORED: [&str; 6] =
    [IGNORED[0], IGNORED[1], IGNORED[2], IGNORED[3], mirror::TYPES[0], mirror::TYPES[1]];

/// Types of profiles' log that it has nothing to do for.
pub const IGNORED: [&str; 4] = ["profile.changed", "order.created", "stage.moved", "lifecycle.models_changed"];

/// An entry or a move, as a follow-up where an event caused it.
pub fn told(effect: &Effect, cause: Option<(&Link, &str)>) -> Result<Draft, TooManyHops> {
    let user = effect.user.as_str();
    let mut facts = Facts::default();
    let mut fact = |name: &str, value| drop(facts.values.insert(name.to_owned(), FactValue { value: Some(value) }));
    if let Some((scheme, rank)) = &effect.level {
        fact("level.rank", fact_value::Value::Number(i64::try_from(*rank).unwrap_or(i64::MAX)));
        fact("level.scheme", fact_value::Value::Text(scheme.to_string()));
    }
    let draft = match &effect.what {
        What::Posted { point_type, entry, available_after } => {
            fact("points.balance", fact_value::Value::Number(*available_after));
            let event_id = derive(user, &format!("entry/{point_type}/{}", entry.seq), 0);
            let entry_message = Some(wire::entry(entry));
            let payload = pb::PointsPosted { point_type_id: point_type.to_string(), entry: entry_message };
            Draft::new(user, event_id, &payload, entry.occurred_at)
        }
        What::Moved { scheme, secondary, moved } => {
            let event_id = derive(user, &format!("move/{scheme}/{}", moved.seq), 0);
            let (scheme_id, secondary) = (scheme.to_string(), *secondary);
            let payload = pb::LevelMoved { scheme_id, r#move: Some(wire::level::level_move(moved)), secondary };
            Draft::new(user, event_id, &payload, moved.moved_at)
        }
        What::Held { hold, change, available_after } => {
            fact("points.balance", fact_value::Value::Number(*available_after));
            held(user, hold, change)
        }
        What::Rewarded { reward_id, carried, decided_at } => rewarded(user, reward_id, carried, *decided_at),
        What::Capped(it) => {
            let event_id = derive(user, &format!("capped/{}/{}", it.rule_id, it.source_event), 0);
            Draft::new(user, event_id, &wire::earning_capped(it), it.occurred_at)
        }
    };
    let draft = draft.facts(facts);
    match cause {
        Some((link, site)) => draft.site(site).caused_by(link),
        None => Ok(draft),
    }
}

fn held(user: &str, hold: &Hold, change: &HoldChange) -> Draft {
    let event_id = |what: &str| derive(user, &format!("hold/{}/{what}", hold.id), 0);
    let (message, at) = (Some(wire::hold(hold)), hold.resolved_at.unwrap_or(hold.opened_at));
    match change {
        HoldChange::Opened => Draft::new(user, event_id("opened"), &pb::HoldOpened { hold: message }, at),
        HoldChange::Captured { entry_seq, debt, shortfall } => {
            let (entry_seq, debt, shortfall) = (*entry_seq, *debt, *shortfall);
            let payload = pb::HoldCaptured { hold: message, entry_seq, debt, shortfall };
            Draft::new(user, event_id("captured"), &payload, at)
        }
        HoldChange::Released => Draft::new(user, event_id("released"), &pb::HoldReleased { hold: message }, at),
        HoldChange::Expired => Draft::new(user, event_id("expired"), &pb::HoldExpired { hold: message }, at),
        HoldChange::GivenBack { points, entry_seq, at } => {
            let payload = pb::HoldGivenBack { hold: message, amount: *points, entry_seq: *entry_seq };
            Draft::new(user, event_id(&format!("given_back/{}", hold.given_back)), &payload, *at)
        }
    }
}

fn rewarded(user: &str, reward_id: &str, carried: &Carried, at: OffsetDateTime) -> Draft {
    let event_id = derive(user, &format!("reward/{reward_id}"), 0);
    let reward_id = reward_id.to_owned();
    match carried {
        Carried::Fulfilled { point_type, amount, entry_seq } => {
            let (point_type_id, amount, entry_seq) = (point_type.to_string(), *amount, *entry_seq);
            Draft::new(user, event_id, &pb::RewardFulfilled { reward_id, point_type_id, amount, entry_seq }, at)
        }
        Carried::Refused(fault) => {
            let reason = fault.name().to_owned();
            Draft::new(user, event_id, &pb::RewardRefused { reward_id, reason }, at)
        }
    }
}

/// An adjustment was asked for or decided.
pub fn adjusted(it: &Adjustment) -> Draft {
    let (state, at) = (it.state.code(), it.decided_at.unwrap_or(it.created_at));
    let event_id = derive(it.user.as_str(), &format!("adjustment/{}/{state}", it.id), 0);
    let payload = pb::AdjustmentChanged { adjustment: Some(wire::adjustment(it)) };
    Draft::new(it.user.as_str(), event_id, &payload, at)
}

/// Something was done by hand to a member's level.
pub fn acted_on_level(user: &UserId, scheme: &Key, act: &LevelAct) -> Draft {
    let event_id = derive(user.as_str(), &format!("level_act/{scheme}/{}", act.seq), 0);
    let payload = pb::LevelActed { scheme_id: scheme.to_string(), act: Some(wire::level::level_act(act)) };
    Draft::new(user.as_str(), event_id, &payload, act.acted_at)
}

/// A point type, rule, scheme, benefit or leaderboard was defined anew.
pub fn published(request: &Request, what: pb::programme_published::Published, at: OffsetDateTime) -> Draft {
    let event_id = derive(request.id.as_str(), request.method, 0);
    Draft::new("", event_id, &pb::ProgrammePublished { published: Some(what) }, at)
}

/// Reads an event of profiles' log; `None`: it holds nothing for this service. The error says what is wrong with it,
/// without personal data.
pub fn read(event: &Event) -> Result<Option<Incoming>, String> {
    let Some(says) = says(event)? else { return Ok(None) };
    let time = |at: &Option<prost_types::Timestamp>, name| {
        let at = at.as_ref().ok_or_else(|| format!("{name} is missing"))?;
        from_proto(at).map_err(|fault| format!("{name} {fault}"))
    };
    let occurred_at = time(&event.occurred_at, "occurred_at")?;
    Ok(Some(Incoming {
        user: UserId::new(event.user_id.as_str()).map_err(|fault| format!("user_id {fault}"))?,
        event_id: EventId::new(event.event_id.as_str()).map_err(|fault| format!("event_id {fault}"))?,
        event_type: event.r#type.clone(),
        seq: event.seq,
        occurred_at,
        recorded_at: time(&event.recorded_at, "recorded_at")?,
        earns: matches!(event.mode(), EventMode::FactsEarn | EventMode::Live),
        says: match says {
            Says::Counts { order_id, mut happening } => {
                happening.set("event.site", event.site.as_str());
                add_facts(&mut happening, event.facts.as_ref());
                Says::Counts { order_id, happening }
            }
            other => other,
        },
    }))
}

fn says(event: &Event) -> Result<Option<Says>, String> {
    Ok(Some(match event.r#type.as_str() {
        "order.paid" => {
            let paid: profiles::OrderPaid = payload(event)?;
            counts(paid.order, paid.first_order)?
        }
        "order.completed" => {
            let completed: profiles::OrderCompleted = payload(event)?;
            counts(completed.order, completed.first_order)?
        }
        "order.cancelled" => {
            let order = payload::<profiles::OrderCancelled>(event)?.order.ok_or("order is missing")?;
            Says::Cancelled { order_id: order.order_id }
        }
        "order.refunded" => {
            let refunded: profiles::OrderRefunded = payload(event)?;
            let it = refunded.refund.ok_or("refund is missing")?;
            let refund = Refund {
                refund_id: it.refund_id,
                refunded_minor: minor(refunded.refunded_total.as_ref(), "refunded_total")?,
                total_minor: minor(refunded.order_total.as_ref(), "order_total")?,
                amount_minor: minor(it.amount.as_ref(), "refund.amount")?,
                lines: it.lines.into_iter().map(returned).collect::<Result<_, _>>()?,
            };
            Says::Refunded { order_id: it.order_id, refund }
        }
        "user.visited" => {
            let visited: profiles::UserVisited = payload(event)?;
            let mut happening = Happening::default();
            happening.set("visit.duration_seconds", i64::from(visited.duration_seconds));
            Says::Counts { order_id: String::new(), happening }
        }
        _ => return Ok(None),
    }))
}

fn counts(told: Option<profiles::Order>, first: bool) -> Result<Says, String> {
    let (order_id, happening) = order(told, first)?;
    Ok(Says::Counts { order_id, happening })
}

/// An order's id, and what it says of itself that rules may count. The error says what is wrong with it.
pub fn order(order: Option<profiles::Order>, first: bool) -> Result<(String, Happening), String> {
    let order = order.ok_or("order is missing")?;
    let total = order.total.as_ref().ok_or("order.total is missing")?;
    let discounts = order.lines.iter().flat_map(|line| &line.discounts);
    let discounts = discounts.map(|discount| minor(discount.amount.as_ref(), "discount.amount"));
    let mut happening = Happening::default();
    happening.set("order.total_minor", minor(Some(total), "order.total")?);
    happening.set("order.currency", total.currency_code.as_str());
    let freight = order.freight.as_ref().map(|freight| minor(Some(freight), "order.freight"));
    happening.set("order.freight_minor", freight.transpose()?.unwrap_or(0));
    let discounts = discounts.collect::<Result<Vec<_>, _>>()?;
    happening.set("order.discount_minor", discounts.into_iter().fold(0, i64::saturating_add));
    happening.set("order.lines", i64::try_from(order.lines.len()).unwrap_or(i64::MAX));
    happening.set("order.quantity", order.lines.iter().map(|line| line.quantity).fold(0, i64::saturating_add));
    happening.set("order.first", first);
    happening.set_lines(order.lines.into_iter().map(line).collect::<Result<_, _>>()?);
    Ok((order.order_id, happening))
}

fn line(it: profiles::OrderLine) -> Result<Line, String> {
    let paid_minor = minor(it.paid.as_ref(), "order.lines.paid")?;
    Ok(Line { line_id: it.line_id, sku: it.sku, category: it.category, quantity: it.quantity, paid_minor })
}

fn returned(it: profiles::RefundLine) -> Result<(String, ReturnedLine), String> {
    let amount_minor = minor(it.amount.as_ref(), "refund.lines.amount")?;
    Ok((it.line_id, ReturnedLine { quantity: it.quantity, amount_minor }))
}

fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}

/// In the minor units of its own currency: a tenant has one.
fn minor(money: Option<&Money>, name: &str) -> Result<i64, String> {
    let money = money.ok_or_else(|| format!("{name} is missing"))?;
    units::money::from_proto(money, &money.currency_code).map_err(|fault| format!("{name} {fault}"))
}

/// What profiles knew of the user. A fact that a rule does not know of is of no use, and one with another type than
/// declared has no value.
pub fn add_facts(happening: &mut Happening, facts: Option<&Facts>) {
    let values = facts.into_iter().flat_map(|facts| &facts.values);
    for (name, fact) in values.filter(|(name, _)| name.starts_with("user.")) {
        let value = match &fact.value {
            Some(fact_value::Value::Text(text)) => Value::from(text.as_str()),
            Some(fact_value::Value::Number(number)) => Value::Int(*number),
            Some(fact_value::Value::Flag(flag)) => Value::Bool(*flag),
            Some(fact_value::Value::Time(time)) => match from_proto(time) {
                Ok(time) => Value::Time(time),
                Err(_) => continue,
            },
            None => continue,
        };
        happening.set(name.as_str(), value);
    }
}
