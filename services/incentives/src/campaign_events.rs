//! What campaigns read of the logs of profiles, levels and feedback, and what they tell in this service's own.

use std::collections::HashMap;
use std::sync::LazyLock;

use eventlog::{Draft, EventPayload, Link, TooManyHops, derive};
use ids::{EventId, Key, UserId};
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value as Sent};
use proto::events::v1::{Event, EventMode, FactValue, Facts, fact_value};
use proto::google::r#type::Money;
use proto::incentives::v1 as pb;
use proto::levels::v1 as levels;
use proto::profiles::v1 as profiles;
use requests::Request;
use rules::Value;
use time::OffsetDateTime;
use units::time::{from_proto, to_proto};

use crate::domain::campaign::Definition;
use crate::domain::grant::{Fate, Gift, Grant, GrantKey};
use crate::domain::incoming::{GivesBack, Incoming, Moved};
use crate::domain::penalty::Penalty;
use crate::domain::trigger::Happening;

/// What an event means to campaigns.
pub enum Read {
    /// Something happened that may set campaigns off or give an order back.
    Happened(Box<Incoming>),
    /// The fate of a gift became known.
    Became {
        /// The reward's or coupon's id.
        gift_id: String,
        /// What became of it.
        fate: Fate,
    },
}

/// Reads an event; `None`: it holds nothing for campaigns. The error says what is wrong with it, without personal data.
pub fn read(event: &Event) -> Result<Option<Read>, String> {
    let became = |gift_id: String, fate| Ok(Some(Read::Became { gift_id, fate }));
    match event.r#type.as_str() {
        "reward.fulfilled" => became(gift(event, "reward_id")?, Fate::Spent),
        "reward.refused" => became(gift(event, "reward_id")?, Fate::Refused),
        "coupon.used" => became(gift(event, "coupon_id")?, Fate::Spent),
        "coupon.returned" => became(gift(event, "coupon_id")?, Fate::Open),
        "coupon.voided" => became(gift(event, "coupon_id")?, Fate::Lapsed),
        "coupon.expired" => became(gift(event, "coupon_id")?, Fate::Lapsed),
        _ => Ok(incoming(event)?.map(|it| Read::Happened(Box::new(it)))),
    }
}

fn incoming(event: &Event) -> Result<Option<Incoming>, String> {
    let time = |at: &Option<prost_types::Timestamp>, name| {
        let at = at.as_ref().ok_or_else(|| format!("{name} is missing"))?;
        from_proto(at).map_err(|fault| format!("{name} {fault}"))
    };
    let Some(mut says) = says(event)? else { return Ok(None) };
    let occurred_at = time(&event.occurred_at, "occurred_at")?;
    says.happening.set("at", occurred_at);
    says.happening.set("event.site", event.site.as_str());
    add_facts(&mut says.happening, event.facts.as_ref());
    let live = event.mode() == EventMode::Live;
    Ok(Some(Incoming {
        user: UserId::new(event.user_id.as_str()).map_err(|fault| format!("user_id {fault}"))?,
        event_id: EventId::new(event.event_id.as_str()).map_err(|fault| format!("event_id {fault}"))?,
        event_type: event.r#type.clone(),
        root_event_id: event.root_event_id.clone(),
        last_hop: event.hops + 1 >= eventlog::HOPS_MAX,
        occurred_at,
        recorded_at: time(&event.recorded_at, "recorded_at")?,
        order_id: says.order_id,
        // a refund sets nothing off, and neither does an import of what happened long ago
        triggers: (live && says.triggers).then_some(says.happening),
        gives_back: says.gives_back,
        moved: says.moved,
        bought_minor: says.bought_minor.filter(|_| live),
    }))
}

/// What the payload says.
#[derive(Default)]
struct Says {
    order_id: String,
    happening: Happening,
    triggers: bool,
    gives_back: Option<GivesBack>,
    moved: Option<Moved>,
    bought_minor: Option<i64>,
}

impl Says {
    fn of(happening: Happening) -> Self {
        Self { happening, triggers: true, ..Self::default() }
    }
}

fn says(event: &Event) -> Result<Option<Says>, String> {
    Ok(Some(match event.r#type.as_str() {
        "order.created" => order(payload::<profiles::OrderCreated>(event)?.order, None)?,
        "order.paid" => {
            let paid: profiles::OrderPaid = payload(event)?;
            let mut says = order(paid.order, Some(paid.first_order))?;
            says.bought_minor = says.happening.number("order.total_minor");
            says
        }
        "order.completed" => {
            let completed: profiles::OrderCompleted = payload(event)?;
            order(completed.order, Some(completed.first_order))?
        }
        "order.cancelled" => {
            let says = order(payload::<profiles::OrderCancelled>(event)?.order, None)?;
            Says { gives_back: Some(GivesBack::Cancel), ..says }
        }
        "order.refunded" => refunded(&payload(event)?)?,
        "user.visited" => {
            let mut happening = Happening::default();
            let visited: profiles::UserVisited = payload(event)?;
            happening.set("visit.duration_seconds", i64::from(visited.duration_seconds));
            Says::of(happening)
        }
        "level.moved" => level_moved(payload(event)?)?,
        "stage.moved" | "case.resolved" | "case.rated" => Says::of(fields(event)?),
        _ => return Ok(None),
    }))
}

/// Fields of payloads that are values of names as they are.
const FIELDS: [(&str, &str); 10] = [
    ("model_id", "stage.model"),
    ("from_stage", "stage.from"),
    ("to_stage", "stage.to"),
    ("case_type_id", "case.type"),
    ("department", "case.department"),
    ("kind", "case.kind"),
    ("quadrant", "case.quadrant"),
    ("within_sla", "case.within_sla"),
    ("attempt", "case.attempt"),
    ("score", "case.score"),
];

/// A payload that needs nothing but its fields.
fn fields(event: &Event) -> Result<Happening, String> {
    let message = dynamic(event)?;
    let mut happening = Happening::default();
    for (field, name) in FIELDS {
        let Some(descriptor) = message.descriptor().get_field_by_name(field) else { continue };
        match (message.get_field(&descriptor).into_owned(), descriptor.kind()) {
            (Sent::String(text), _) => happening.set(name, text.as_str()),
            (Sent::I32(number), _) => happening.set(name, i64::from(number)),
            (Sent::I64(number), _) => happening.set(name, number),
            (Sent::Bool(flag), _) => happening.set(name, flag),
            (Sent::EnumNumber(number), Kind::Enum(of)) => happening.set(name, word(&of, number).as_str()),
            _ => {}
        }
    }
    Ok(happening)
}

/// A value of an enum without its prefix, such as `urgent`.
fn word(of: &EnumDescriptor, number: i32) -> String {
    let name = of.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default();
    let prefix: String = of.name().chars().enumerate().fold(String::new(), |mut prefix, (n, letter)| {
        if n > 0 && letter.is_uppercase() {
            prefix.push('_');
        }
        prefix.extend(letter.to_uppercase());
        prefix
    });
    name.strip_prefix(&format!("{prefix}_")).unwrap_or(&name).to_lowercase()
}

/// Which gift an event is about.
fn gift(event: &Event, field: &str) -> Result<String, String> {
    match dynamic(event)?.get_field_by_name(field).as_deref() {
        Some(Sent::String(id)) => Ok(id.clone()),
        _ => Err(format!("the payload has no {field}")),
    }
}

/// The payload by its descriptor: the contracts name the message of each event type.
fn dynamic(event: &Event) -> Result<DynamicMessage, String> {
    let message = PAYLOADS.get(&event.r#type).ok_or_else(|| format!("no contract knows {}", event.r#type))?;
    DynamicMessage::decode(message.clone(), event.payload.as_slice())
        .map_err(|_| format!("the payload is no {}", message.name()))
}

/// The messages of the contracts by their event type.
static PAYLOADS: LazyLock<HashMap<String, MessageDescriptor>> = LazyLock::new(|| {
    let option = proto::POOL.get_extension_by_name("banyan.common.v1.event_type").expect("the contracts define it");
    let kind = |message: MessageDescriptor| {
        let options = message.options();
        let value = options.has_extension(&option).then(|| options.get_extension(&option).as_str().map(str::to_owned));
        Some((value??, message))
    };
    proto::POOL.all_messages().filter_map(kind).collect()
});

fn refunded(it: &profiles::OrderRefunded) -> Result<Says, String> {
    let how = GivesBack::Refund {
        refunded_minor: minor(it.refunded_total.as_ref(), "refunded_total")?,
        total_minor: minor(it.order_total.as_ref(), "order_total")?,
    };
    let order_id = it.refund.as_ref().ok_or("refund is missing")?.order_id.clone();
    Ok(Says { order_id, gives_back: Some(how), ..Says::default() })
}

fn level_moved(told: levels::LevelMoved) -> Result<Says, String> {
    let it = told.r#move.ok_or("move is missing")?;
    let mut happening = Happening::default();
    happening.set("move.from_rank", i64::from(it.from_rank));
    happening.set("move.to_rank", i64::from(it.to_rank));
    happening.set("move.up", it.to_rank > it.from_rank);
    happening.set("move.down", it.to_rank < it.from_rank);
    let reversed = it.cause() == levels::MoveCause::Reversed;
    let moved = Moved { scheme_id: told.scheme_id, from_rank: it.from_rank, to_rank: it.to_rank, reversed };
    Ok(Says { moved: Some(moved), ..Says::of(happening) })
}

fn order(order: Option<profiles::Order>, first: Option<bool>) -> Result<Says, String> {
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
    if let Some(first) = first {
        happening.set("order.first", first);
    }
    Ok(Says { order_id: order.order_id, ..Says::of(happening) })
}

fn payload<P: EventPayload + Default>(event: &Event) -> Result<P, String> {
    P::decode(event.payload.as_slice()).map_err(|_| format!("the payload is no {}", P::NAME))
}

/// In the minor units of its own currency: a tenant has one.
fn minor(money: Option<&Money>, name: &str) -> Result<i64, String> {
    let money = money.ok_or_else(|| format!("{name} is missing"))?;
    units::money::from_proto(money, &money.currency_code).map_err(|fault| format!("{name} {fault}"))
}

/// A fact as a value; `None`: it has none.
pub fn value(fact: &FactValue) -> Option<Value> {
    Some(match fact.value.as_ref()? {
        fact_value::Value::Text(text) => Value::from(text.as_str()),
        fact_value::Value::Number(number) => Value::Int(*number),
        fact_value::Value::Flag(flag) => Value::Bool(*flag),
        fact_value::Value::Time(time) => Value::Time(from_proto(time).ok()?),
    })
}

/// What the log's service knew of the user. A fact that no campaign knows of is of no use, and one with another type than
/// declared has no value.
fn add_facts(happening: &mut Happening, facts: Option<&Facts>) {
    let stamped = |name: &str| ["user.", "level.", "points."].iter().any(|prefix| name.starts_with(prefix));
    for (name, fact) in facts.into_iter().flat_map(|facts| &facts.values).filter(|(name, _)| stamped(name)) {
        if let Some(value) = value(fact) {
            happening.set(name.as_str(), value);
        }
    }
}

/// Names the gift of a grant.
pub fn gift_id(user: &UserId, campaign_id: &Key, source_event: &EventId) -> String {
    derive(&format!("{user}\n{source_event}"), &format!("campaign/{campaign_id}"), 0).to_string()
}

/// Points are to be given.
pub fn reward_granted(
    (key, grant): (&GrantKey, &Grant),
    terms: &Definition,
    (link, site): (&Link, &str),
) -> Result<Draft, TooManyHops> {
    let Gift::Points(point_type) = &grant.gift else { unreachable!("coupons tell of themselves") };
    let payload = pb::RewardGranted {
        reward_id: grant.gift_id.clone(),
        campaign_id: key.1.to_string(),
        point_type_id: point_type.to_string(),
        amount: grant.amount,
        reason: key.1.to_string(),
        funder: terms.funder,
        cost_centre: terms.cost_centre.clone(),
        order_id: grant.order_id.clone(),
    };
    let event_id = derive(&grant.gift_id, "granted", 0);
    Draft::new(key.0.as_str(), event_id, &payload, grant.granted_at).site(site).caused_by(link)
}

/// Points are to be taken back: `sum` in all.
pub fn reward_revoked(
    (key, grant): (&GrantKey, &Grant),
    sum: i64,
    at: OffsetDateTime,
    link: &Link,
) -> Result<Draft, TooManyHops> {
    let payload = pb::RewardRevoked { reward_id: grant.gift_id.clone(), amount: sum, order_id: grant.order_id.clone() };
    let event_id = derive(&grant.gift_id, &format!("revoked/{sum}"), 0);
    Draft::new(key.0.as_str(), event_id, &payload, at).caused_by(link)
}

/// A write about no user told of what it changed.
pub fn changed<P: EventPayload>(request: &Request, payload: &P, at: OffsetDateTime) -> Draft {
    Draft::new("", derive(request.id.as_str(), request.method, 0), payload, at)
}

/// A penalty was imposed.
pub fn penalty_imposed(it: &Penalty) -> Draft {
    let payload = pb::PenaltyImposed {
        penalty_id: it.id.clone(),
        kind: it.kind.code().into(),
        restrictions: it.restrictions.clone(),
        action_id: it.action.as_ref().map(ToString::to_string).unwrap_or_default(),
        offence: it.offence,
        until: it.until.map(to_proto),
    };
    let event_id = derive(it.user.as_str(), &format!("penalty/{}", it.id), 0);
    Draft::new(it.user.as_str(), event_id, &payload, it.imposed_at)
}

/// A penalty is over.
pub fn penalty_lifted(user: &UserId, id: &str, expired: bool, at: OffsetDateTime) -> Draft {
    let payload = pb::PenaltyLifted { penalty_id: id.to_owned(), expired };
    Draft::new(user.as_str(), derive(user.as_str(), &format!("penalty/{id}"), 1), &payload, at)
}
