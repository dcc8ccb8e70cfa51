//! Earning rules: what they say and what an event earns by them.

use std::collections::HashMap;

use ids::Key;
use rules::{Condition, Fault, Formula, Names, NoValue, Ratio, Type, Value, Values, Written};
use time::OffsetDateTime;
use units::zone::Zone;

use super::cap::{Cap, Capped, Subject};
use super::entry::Payer;
use super::group::Place;
use super::line_rate::{self, Line, LineRate};
use super::multiplier::{CompiledMultipliers, Multipliers};
use super::point_type::{AMOUNT_MAX, PointType};

/// The events that rules may count.
pub const COUNTING_EVENTS: [&str; 3] = ["order.completed", "order.paid", "user.visited"];

/// The rank that the user holds: the one name whose value this service has.
pub(super) const RANK: &str = "level.rank";

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
    /// False: each division of the formula rounds towards zero, as all did when the version was published.
    pub exact: bool,
    /// What lines of the order give beside it.
    pub line_rates: Vec<LineRate>,
    /// What changes all of that.
    pub multipliers: Multipliers,
    /// Which other rules it excludes.
    pub place: Place,
    /// Events that occurred at or after this time.
    pub valid_from: Option<OffsetDateTime>,
    /// Events that occurred before this time.
    pub valid_until: Option<OffsetDateTime>,
    /// The most that it gives.
    pub caps: Vec<Cap>,
    /// Who pays for what it gives.
    pub payer: Payer,
    /// Earns nothing more.
    pub paused: bool,
    /// When this version was published.
    pub publish_time: OffsetDateTime,
}

/// A rule's conditions and formula, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    condition: Condition,
    formula: Formula,
    multipliers: CompiledMultipliers,
}

impl EarningRule {
    /// Reads conditions and formula against the names that the counting event offers; all faults at once.
    pub fn compile(&self) -> Result<Compiled, Vec<Fault>> {
        let names = names_of(&self.event_type);
        let condition = self.condition.compile(&names);
        let formula = Formula::parse(&self.formula, &names)
            .map_err(|fault| Fault { field: "formula".to_owned(), cause: fault.to_string() });
        match (condition, formula, self.multipliers.compile(&names)) {
            (Ok(condition), Ok(formula), Ok(multipliers)) => Ok(Compiled { condition, formula, multipliers }),
            (condition, formula, multipliers) => {
                let of_multipliers = multipliers.err().unwrap_or_default();
                Err(condition.err().into_iter().chain(formula.err()).chain(of_multipliers).collect())
            }
        }
    }

    /// Whether it counts events of this type that occurred at this time.
    pub fn counts(&self, event_type: &str, occurred_at: OffsetDateTime) -> bool {
        !self.paused && self.event_type == event_type && self.is_valid(occurred_at)
    }

    /// Whether it counts what occurred at this time.
    pub fn is_valid(&self, occurred_at: OffsetDateTime) -> bool {
        self.valid_from.is_none_or(|from| occurred_at >= from)
            && self.valid_until.is_none_or(|until| occurred_at < until)
    }
}

/// The caps that an earning meets: those of the rule, where one gives it, and those of the point type.
pub fn caps_of<'a>(rule: Option<&'a EarningRule>, point_type: &'a PointType) -> Vec<Capped<'a>> {
    let zone = &point_type.zone;
    let of_rule = rule.filter(|it| !it.caps.is_empty());
    let of_rule = of_rule.map(|it| Capped { subject: Subject::EarningRule(it.id.clone()), caps: &it.caps, zone });
    let of_type = Some(point_type).filter(|it| !it.caps.is_empty()); // most have none, and every earning asks
    let of_type = of_type.map(|it| Capped { subject: Subject::PointType(it.id.clone()), caps: &it.caps, zone });
    of_rule.into_iter().chain(of_type).collect()
}

/// What a rule finds an event worth, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    /// Whether the condition holds, or why that cannot be said.
    pub condition: Result<bool, NoValue>,
    /// What the formula says; `None`: the condition does not hold, and nothing else was looked at.
    pub formula: Option<Result<Ratio, NoValue>>,
    /// What the order's lines give.
    pub lines: Option<Ratio>,
    /// Which multipliers hold.
    pub multipliers: Vec<bool>,
    /// The points, before caps; 0: nothing.
    pub points: i64,
}

impl Compiled {
    /// What an event is worth: nothing where the condition does not hold or the formula has no value or none above 0, at
    /// most [`AMOUNT_MAX`].
    pub fn worth(&self, rule: &EarningRule, point_type: &PointType, seen: &Seen<'_>) -> Worth {
        let condition = self.condition.decide(seen);
        let nothing = Worth { condition, formula: None, lines: None, multipliers: Vec::new(), points: 0 };
        if nothing.condition != Ok(true) {
            return nothing;
        }
        let formula = match rule.exact {
            true => self.formula.exact(seen),
            false => self.formula.value(seen).map(Ratio::from),
        };
        let lines = line_rate::points(&rule.line_rates, &seen.happening.lines);
        let multipliers = self.multipliers.hold(seen);
        let whole = (|| {
            let sum = formula.clone()?.plus(lines.clone()?).ok_or(NoValue::Overflow)?;
            sum.times(self.multipliers.factor(&multipliers)?).ok_or(NoValue::Overflow)
        })();
        let points = whole.map_or(0, |whole| point_type.rounding.round(whole).clamp(0, AMOUNT_MAX.into()));
        let points = i64::try_from(points).unwrap_or(AMOUNT_MAX);
        Worth { formula: Some(formula), lines: lines.ok(), multipliers, points, ..nothing }
    }

    /// Whether it asks for the user's level, which only whoever holds the user's accounts can say.
    pub fn asks_for_level(&self) -> bool {
        let condition = self.condition.expr().is_some_and(|expr| expr.names(RANK));
        condition || self.formula.expr().names(RANK) || self.multipliers.names(RANK)
    }
}

/// The names that rules on an event type may use.
pub fn names_of(event_type: &str) -> Names {
    let names = Names::new()
        .with("at", Type::Time)
        .with("at.hour", Type::Int)
        .with("at.weekday", Type::Int)
        .with("at.day", Type::Int)
        .with("at.month", Type::Int)
        .with("event.site", Type::Text)
        .with(RANK, Type::Int)
        .with("user.stage", Type::Text)
        .with("user.orders", Type::Int)
        .with("user.net_spend_minor", Type::Int)
        .with("user.currency", Type::Text)
        .with("user.first_order_at", Type::Time)
        .with("user.last_order_at", Type::Time)
        .with("user.registered_at", Type::Time)
        .with("user.registered_days", Type::Int)
        .with("user.registered_month", Type::Int);
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

/// What an event says of itself: values of [`names_of`] its type, and the lines of its order.
#[derive(Debug, Clone, Default)]
pub struct Happening {
    values: HashMap<String, Value>,
    lines: Vec<Line>,
}

impl Happening {
    /// Sets a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(name.into(), value.into());
    }

    /// Sets the order's lines.
    pub fn set_lines(&mut self, lines: Vec<Line>) {
        self.lines = lines;
    }

    /// The order's lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

/// What a rule sees of an event: what it says of itself, when it happened in the zone of the point type, and the level of
/// its user.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The event.
    pub happening: &'a Happening,
    /// When it happened.
    pub at: OffsetDateTime,
    /// The zone of the point type.
    pub zone: &'a Zone,
    /// The user's rank; `None`: there is no scheme, or it was not asked for.
    pub rank: Option<i64>,
}

impl Values for Seen<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        let shown = || self.zone.shown(self.at);
        let number = |number: u8| Some(Value::Int(number.into()));
        match name {
            "at" => Some(Value::Time(self.at)),
            "at.hour" => number(shown().hour),
            "at.weekday" => number(shown().weekday),
            "at.day" => number(shown().day),
            "at.month" => number(shown().month),
            RANK => self.rank.map(Value::Int),
            _ => self.happening.values.get(name).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use rules::WrittenRow;

    use super::super::multiplier::Multiplier;
    use super::super::point_type::{Rounding, tests::point_type};
    use super::*;

    fn rule(condition: Written, formula: &str) -> EarningRule {
        EarningRule {
            id: Key::new("per-order").unwrap(),
            version: 1,
            point_type: Key::new("points").unwrap(),
            event_type: "order.completed".to_owned(),
            condition,
            formula: formula.to_owned(),
            exact: true,
            line_rates: Vec::new(),
            multipliers: Multipliers::default(),
            place: Place::default(),
            valid_from: Some(datetime!(2026-01-01 00:00 UTC)),
            valid_until: Some(datetime!(2027-01-01 00:00 UTC)),
            caps: Vec::new(),
            payer: Payer::default(),
            paused: false,
            publish_time: datetime!(2026-01-01 00:00 UTC),
        }
    }

    fn points_of(rule: &EarningRule, rounding: Rounding, happening: &Happening, rank: Option<i64>) -> i64 {
        let point_type = PointType { rounding, ..point_type() };
        let at = datetime!(2026-03-31 23:30 +8);
        let seen = Seen { happening, at, zone: &point_type.zone, rank };
        rule.compile().unwrap().worth(rule, &point_type, &seen).points
    }

    fn points(condition: Written, formula: &str, happening: &Happening) -> i64 {
        points_of(&rule(condition, formula), Rounding::Down, happening, None)
    }

    fn order(total_minor: i64) -> Happening {
        let mut happening = Happening::default();
        happening.set("order.total_minor", total_minor);
        happening
    }

    #[test]
    fn a_rule_earns_what_its_formula_says_and_never_less_than_nothing() {
        let condition = || Written::Expression("order.total_minor >= 1000".into());
        assert_eq!(points(condition(), "order.total_minor / 100", &order(1_999)), 19);
        assert_eq!(points(condition(), "order.total_minor / 100", &order(999)), 0);
        assert_eq!(points(Written::Always, "-5", &order(1)), 0);
        assert_eq!(points(Written::Always, "9223372036854775807", &order(1)), AMOUNT_MAX);
        assert_eq!(points(Written::Always, "user.orders", &order(1)), 0);
    }

    #[test]
    fn a_fraction_is_rounded_once_at_the_end_as_the_point_type_says() {
        let mut rule = rule(Written::Always, "order.total_minor / 100 * 3");
        let of = |rule: &EarningRule, rounding| points_of(rule, rounding, &order(1_950), None);
        let all = [Rounding::Down, Rounding::HalfUp, Rounding::Up];
        assert_eq!(all.map(|rounding| of(&rule, rounding)), [58, 59, 59], "58.5");
        rule.exact = false;
        assert_eq!(all.map(|rounding| of(&rule, rounding)), [57; 3], "as published before: 19 × 3");
        let half = vec![Multiplier { condition: Written::Always, factor_basis_points: 5_000 }];
        rule.multipliers.list = half;
        assert_eq!(all.map(|rounding| of(&rule, rounding)), [28, 29, 29], "28.5");
    }

    #[test]
    fn lines_and_formula_are_added_and_multiplied_together() {
        let mut rule = rule(Written::Always, "1");
        let line = |sku: &str, paid_minor| Line {
            line_id: sku.into(),
            sku: sku.into(),
            category: String::new(),
            quantity: 2,
            paid_minor,
        };
        let mut happening = order(1_000);
        happening.set_lines(vec![line("tea", 500), line("cup", 500)]);
        let tea =
            LineRate { skus: vec!["tea".into()], points_per_piece: 3, rate_basis_points: 50, ..LineRate::default() };
        rule.line_rates = vec![tea];
        assert_eq!(points_of(&rule, Rounding::Up, &happening, None), 10, "1 + 2 × 3 + 2.5");
        let expression = |text: &str| Written::Expression(text.to_owned());
        rule.multipliers.list = vec![
            Multiplier { condition: expression("level.rank >= 2"), factor_basis_points: 20_000 },
            Multiplier { condition: expression("at.hour == 23 && at.weekday == 2"), factor_basis_points: 15_000 },
            Multiplier { condition: expression("at.day == 1 || at.month == 4"), factor_basis_points: 90_000 },
        ];
        assert_eq!(points_of(&rule, Rounding::Up, &happening, Some(1)), 15, "9.5 × 1.5");
        assert_eq!(points_of(&rule, Rounding::Up, &happening, Some(2)), 29, "9.5 × 2 × 1.5");
        assert_eq!(points_of(&rule, Rounding::Up, &happening, None), 15, "without a scheme there is no level");
        assert!(rule.compile().unwrap().asks_for_level());
        rule.multipliers.list.remove(0);
        assert!(!rule.compile().unwrap().asks_for_level());
    }

    #[test]
    fn nothing_is_rounded_up_from_nothing() {
        let none = rule(Written::Expression("order.first".into()), "1 / 2");
        assert_eq!(points_of(&none, Rounding::Up, &order(1), None), 0);
        assert_eq!(points_of(&rule(Written::Always, "0"), Rounding::Up, &order(1), None), 0);
        assert_eq!(points_of(&rule(Written::Always, "-1 / 2"), Rounding::HalfUp, &order(1), None), 0);
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
