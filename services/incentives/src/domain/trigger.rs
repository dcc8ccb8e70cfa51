//! What sets campaigns off: the events, the names that they offer to conditions and formulas, and their values.

use std::collections::{BTreeMap, HashMap};

use rules::{Names, Type, Value, Values};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The events that may set campaigns off.
pub const TRIGGERS: [&str; 9] = [
    "order.created",
    "order.paid",
    "order.completed",
    "order.cancelled",
    "user.visited",
    "level.moved",
    "stage.moved",
    "case.resolved",
    "case.rated",
];

/// The names that a campaign set off by an event type may use: what the event declares, and the facts that its service
/// stamps on its events.
pub fn names_of(event_type: &str) -> Names {
    let names = Names::new().with("at", Type::Time).with("event.site", Type::Text);
    match event_type.split('.').next() {
        Some("order") => order_names(user_names(names)),
        Some("user") => user_names(names).with("visit.duration_seconds", Type::Int),
        Some("stage") => user_names(names)
            .with("stage.model", Type::Text)
            .with("stage.from", Type::Text)
            .with("stage.to", Type::Text),
        Some("level") => names
            .with("level.rank", Type::Int)
            .with("level.scheme", Type::Text)
            .with("points.balance", Type::Int)
            .with("move.from_rank", Type::Int)
            .with("move.to_rank", Type::Int)
            .with("move.up", Type::Bool)
            .with("move.down", Type::Bool),
        Some("case") => case_names(names, event_type),
        _ => names,
    }
}

fn user_names(names: Names) -> Names {
    names
        .with("user.stage", Type::Text)
        .with("user.orders", Type::Int)
        .with("user.net_spend_minor", Type::Int)
        .with("user.currency", Type::Text)
        .with("user.first_order_at", Type::Time)
        .with("user.last_order_at", Type::Time)
        .with("user.registered_at", Type::Time)
        .with("user.registered_days", Type::Int)
        .with("user.registered_month", Type::Int)
}

fn order_names(names: Names) -> Names {
    names
        .with("order.total_minor", Type::Int)
        .with("order.freight_minor", Type::Int)
        .with("order.discount_minor", Type::Int)
        .with("order.currency", Type::Text)
        .with("order.lines", Type::Int)
        .with("order.quantity", Type::Int)
        .with("order.first", Type::Bool)
}

fn case_names(names: Names, event_type: &str) -> Names {
    let names = names.with("case.attempt", Type::Int);
    if event_type == "case.rated" {
        return names.with("case.score", Type::Int);
    }
    names
        .with("case.type", Type::Text)
        .with("case.department", Type::Text)
        .with("case.kind", Type::Text)
        .with("case.quadrant", Type::Text)
        .with("case.within_sla", Type::Bool)
}

/// What a campaign can see of one event: the values of [`names_of`] its type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Happening(HashMap<String, Value>);

impl Happening {
    /// Sets a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }

    /// The value of a name that has a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// As it is stored with decisions.
    pub fn inputs(&self) -> Inputs {
        let input = |value: &Value| match value {
            Value::Bool(flag) => Input::Flag(*flag),
            Value::Int(number) => Input::Number(*number),
            Value::Text(text) => Input::Text(text.to_string()),
            Value::Time(time) => Input::Time(*time),
        };
        self.0.iter().map(|(name, value)| (name.clone(), input(value))).collect()
    }

    /// As it was stored.
    pub fn of(inputs: Inputs) -> Self {
        let value = |input| match input {
            Input::Flag(flag) => Value::Bool(flag),
            Input::Number(number) => Value::Int(number),
            Input::Text(text) => Value::from(text.as_str()),
            Input::Time(time) => Value::Time(time),
        };
        Self(inputs.into_iter().map(|(name, input)| (name, value(input))).collect())
    }
}

impl Values for Happening {
    fn value(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

/// The values of an event as they are stored with decisions.
pub type Inputs = BTreeMap<String, Input>;

/// A stored value: its kind is kept, so that it reads back as what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text.
    Text(String),
    /// A point in time.
    Time(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
}
