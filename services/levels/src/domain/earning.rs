//! Earning rules: what they say and what an event earns by them.

use std::collections::HashMap;

use ids::Key;
use rules::{Condition, Fault, Formula, Names, Type, Value, Values, Written};
use time::OffsetDateTime;

use super::cap::Cap;
use super::point_type::AMOUNT_MAX;

/// The events that rules may count.
pub const COUNTING_EVENTS: [&str; 3] = ["order.completed", "order.paid", "user.visited"];

/// One version of a rule, as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarningRule {
    /// Its id.
    pub id: Key,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// What is earned.
    pub point_type: Key,
    /// The counting event.
    pub event_type: String,
    /// When it applies.
    pub condition: Written,
    /// How much is earned.
    pub formula: String,
    /// Events that occurred at or after this time.
    pub valid_from: Option<OffsetDateTime>,
    /// Events that occurred before this time.
    pub valid_until: Option<OffsetDateTime>,
    /// The most that it gives.
    pub caps: Vec<Cap>,
    /// Earns nothing more.
    pub paused: bool,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

/// A rule's condition and formula, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    condition: Condition,
    formula: Formula,
}

impl EarningRule {
    /// Reads condition and formula against the names that the counting event offers; all faults at once.
    pub fn compile(&self) -> Result<Compiled, Vec<Fault>> {
        let names = names_of(&self.event_type);
        let condition = self.condition.compile(&names);
        let formula = Formula::parse(&self.formula, &names)
            .map_err(|fault| Fault { field: "formula".to_owned(), cause: fault.to_string() });
        match (condition, formula) {
            (Ok(condition), Ok(formula)) => Ok(Compiled { condition, formula }),
            (condition, formula) => Err(condition.err().into_iter().chain(formula.err()).collect()),
        }
    }

    /// Whether it counts events of this type that occurred at this time.
    pub fn counts(&self, event_type: &str, occurred_at: OffsetDateTime) -> bool {
        !self.paused
            && self.event_type == event_type
            && self.valid_from.is_none_or(|from| occurred_at >= from)
            && self.valid_until.is_none_or(|until| occurred_at < until)
    }
}

impl Compiled {
    /// The points that an event earns: 0 where the condition does not hold or the formula has no positive value, at
    /// most [`AMOUNT_MAX`].
    pub fn points(&self, happening: &Happening) -> i64 {
        if !self.condition.holds(happening) {
            return 0;
        }
        self.formula.value(happening).unwrap_or(0).clamp(0, AMOUNT_MAX)
    }
}

/// The names that rules on an event type may use.
pub fn names_of(event_type: &str) -> Names {
    let names = Names::new()
        .with("at", Type::Time)
        .with("event.site", Type::Text)
        .with("user.stage", Type::Text)
        .with("user.orders", Type::Int)
        .with("user.net_spend_minor", Type::Int)
        .with("user.currency", Type::Text)
        .with("user.first_order_at", Type::Time)
        .with("user.last_order_at", Type::Time);
    if event_type == "user.visited" {
        return names.with("visit.duration_seconds", Type::Int);
    }
    names
        .with("order.total_minor", Type::Int)
        .with("order.freight_minor", Type::Int)
        .with("order.discount_minor", Type::Int)
        .with("order.currency", Type::Text)
        .with("order.lines", Type::Int)
        .with("order.quantity", Type::Int)
        .with("order.first", Type::Bool)
}

/// What a rule can see of one event: the values of [`names_of`] its type.
#[derive(Debug, Clone, Default)]
pub struct Happening(HashMap<String, Value>);

impl Happening {
    /// Sets a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }
}

impl Values for Happening {
    fn value(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use rules::WrittenRow;

    use super::*;

    fn rule(condition: Written, formula: &str) -> EarningRule {
        EarningRule {
            id: Key::new("per-order").unwrap(),
            version: 1,
            point_type: Key::new("points").unwrap(),
            event_type: "order.completed".to_owned(),
            condition,
            formula: formula.to_owned(),
            valid_from: Some(datetime!(2026-01-01 00:00 UTC)),
            valid_until: Some(datetime!(2027-01-01 00:00 UTC)),
            caps: Vec::new(),
            paused: false,
            publish_time: datetime!(2026-01-01 00:00 UTC),
        }
    }

    fn order(total_minor: i64) -> Happening {
        let mut happening = Happening::default();
        happening.set("order.total_minor", total_minor);
        happening
    }

    #[test]
    fn a_rule_earns_what_its_formula_says_and_never_less_than_nothing() {
        let compiled =
            rule(Written::Expression("order.total_minor >= 1000".into()), "order.total_minor / 100").compile();
        let compiled = compiled.unwrap();
        assert_eq!(compiled.points(&order(1_999)), 19);
        assert_eq!(compiled.points(&order(999)), 0);
        assert_eq!(rule(Written::Always, "-5").compile().unwrap().points(&order(1)), 0);
        assert_eq!(rule(Written::Always, "9223372036854775807").compile().unwrap().points(&order(1)), AMOUNT_MAX);
        assert_eq!(rule(Written::Always, "user.orders").compile().unwrap().points(&order(1)), 0);
    }

    #[test]
    fn a_form_means_the_same_as_its_expression() {
        let row =
            |field: &str, operator, value: &str| WrittenRow { field: field.into(), operator, value: value.into() };
        for (code, text) in [(1, "=="), (2, "!="), (3, "<"), (4, "<="), (5, ">"), (6, ">=")] {
            let form = rule(Written::Form(vec![row("order.total_minor", code, "5")]), "1").compile();
            let expression = rule(Written::Expression(format!("order.total_minor {text} 5")), "1").compile();
            assert_eq!(form, expression);
        }
        let form = rule(Written::Form(vec![row("user.stage", 7, "new,repeat")]), "1").compile();
        let expression = rule(Written::Expression("user.stage in ['new', 'repeat']".into()), "1").compile();
        assert_eq!(form, expression);
    }

    #[test]
    fn all_faults_of_a_rule_are_told_with_field_position_and_cause() {
        let faults = rule(Written::Expression("visit.duration_seconds > 1".into()), "1 +").compile().unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["expression", "formula"]);
        assert!(faults[0].cause.starts_with("line 1, column 6: `visit.duration_seconds` is not offered here"));
        let rows = vec![WrittenRow { field: "order.first".into(), operator: 1, value: "perhaps".into() }];
        let faults = rule(Written::Form(rows), "1").compile().unwrap_err();
        assert_eq!(faults, [Fault { field: "form.rows[0].value".into(), cause: "must be true or false".into() }]);
    }

    #[test]
    fn a_rule_counts_its_own_events_within_its_time() {
        let mut rule = rule(Written::Always, "1");
        assert!(rule.counts("order.completed", datetime!(2026-01-01 00:00 UTC)));
        assert!(!rule.counts("order.completed", datetime!(2027-01-01 00:00 UTC)));
        assert!(!rule.counts("order.completed", datetime!(2025-12-31 23:59 UTC)));
        assert!(!rule.counts("order.paid", datetime!(2026-06-01 00:00 UTC)));
        rule.paused = true;
        assert!(!rule.counts("order.completed", datetime!(2026-06-01 00:00 UTC)));
    }
}
