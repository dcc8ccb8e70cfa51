//! What the language accepts, refuses and means.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use rules::{Comparison, Condition, FormOperator, FormRow, Formula, Names, NoValue, Position, Type, Value};
use time::macros::datetime;

fn names() -> Names {
    Names::new()
        .with("at", Type::Time)
        .with("order.total_minor", Type::Int)
        .with("order.first", Type::Bool)
        .with("user.stage", Type::Text)
        .with("user.orders", Type::Int)
}

fn values() -> HashMap<&'static str, Value> {
    HashMap::from([
        ("at", datetime!(2027-01-01 00:00 UTC).into()),
        ("order.total_minor", 19_900.into()),
        ("order.first", true.into()),
        ("user.stage", "repeat".into()),
    ])
}

fn holds(text: &str) -> bool {
    Condition::parse(text, &names()).unwrap_or_else(|fault| panic!("{text}: {fault}")).holds(&values())
}

fn value(text: &str) -> Result<i64, NoValue> {
    Formula::parse(text, &names()).unwrap_or_else(|fault| panic!("{text}: {fault}")).value(&values())
}

#[track_caller]
fn refused(text: &str, line: usize, column: usize, cause: &str) {
    let fault = Condition::parse(text, &names()).expect_err(text);
    assert_eq!(fault.at, Position { line, column }, "{text}: {fault}");
    assert!(fault.cause.contains(cause), "{text}: {fault}");
}

#[test]
fn conditions_mean_what_cel_says() {
    for text in [
        "order.total_minor >= 9900 && user.stage != \"prospect\"",
        "user.stage in ['repeat', 'loyal']",
        "order.total_minor % 100 == 0 ? order.first : false",
        "at >= timestamp('2027-01-01T08:00:00+08:00')",
        "user.stage.startsWith('re') && user.stage.endsWith('t') && user.stage.contains('pea')",
        "!(order.total_minor < 1) && (false || true)",
        "-order.total_minor < 0 && order.total_minor - 19900 == 0",
        "math.least(order.total_minor / 100, 150) == 150 && math.greatest(1, 2, 3) == 3",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn a_part_without_a_value_makes_neither_a_condition_nor_its_opposite_hold() {
    assert!(!holds("user.orders < 3"));
    assert!(!holds("!(user.orders < 3)"));
    assert!(holds("user.orders < 3 || order.first"));
    assert!(holds("order.first || user.orders < 3"));
    assert!(holds("!(user.orders < 3 && false)"));
    assert!(holds("!has(user.orders) && has(user.stage)"));
    assert_eq!(value("user.orders + 1"), Err(NoValue::Absent("user.orders".into())));
    assert_eq!(value("has(user.orders) ? user.orders : 7"), Ok(7));
}

#[test]
fn arithmetic_is_checked_and_rounds_towards_zero() {
    assert_eq!(value("-7 / 2"), Ok(-3));
    assert_eq!(value("-7 % 2"), Ok(-1));
    assert_eq!(value("1 / (order.total_minor - 19900)"), Err(NoValue::DivisionByZero));
    assert_eq!(value("9223372036854775807 + 1"), Err(NoValue::Overflow));
    assert_eq!(value("-9223372036854775808 / -1"), Err(NoValue::Overflow));
}

#[test]
fn the_exact_value_of_a_formula_is_not_rounded_before_its_end() {
    let exact = |text: &str| Formula::parse(text, &names()).unwrap().exact(&values()).map(|it| it.to_string());
    assert_eq!(exact("order.total_minor / 300 * 3"), Ok("199".into()));
    assert_eq!(value("order.total_minor / 300 * 3"), Ok(198));
    assert_eq!(exact("order.total_minor / 300"), Ok("199/3".into()));
    assert_eq!(exact("-7 / 2"), Ok("-7/2".into()));
    assert_eq!(exact("math.least(10 / 3, 7 / 2) + math.greatest(1 / 2, 1 / 3)"), Ok("23/6".into()));
    assert_eq!(exact("(order.total_minor - order.total_minor % 1000) / 100"), Ok("190".into()), "per full step");
    assert_eq!(exact("7 / 2 == 3 ? 1 / 2 : 0"), Ok("1/2".into()), "a condition's division rounds");
    assert_eq!(exact("1 / (order.total_minor - 19900)"), Err(NoValue::DivisionByZero));
    assert_eq!(exact("user.orders / 2"), Err(NoValue::Absent("user.orders".into())));
    let product = ["9223372036854775807"; 3].join(" * ");
    assert_eq!(exact(&product), Err(NoValue::Overflow));
}

#[test]
fn a_value_of_another_type_than_declared_counts_as_absent() {
    let values = HashMap::from([("user.orders", Value::from("three"))]);
    let formula = Formula::parse("user.orders", &names()).unwrap();
    assert_eq!(formula.value(&values), Err(NoValue::Absent("user.orders".into())));
}

#[test]
fn faults_name_position_and_cause() {
    let alike = "`order.totl_minor` is not offered here; there are: order.first, order.total_minor";
    refused("order.totl_minor > 1", 1, 6, alike);
    refused("orders > 1", 1, 1, "`orders` is not offered here; there are: at, order.first, order.total_minor, user.");
    refused("order.total_minor", 1, 6, "is of type int where bool is needed");
    refused("order.first &&\n  user.orders", 2, 7, "is of type int where bool is needed");
    refused("user.stage == 'ä' && user.stage > 3", 1, 35, "is of type int where string is needed");
    refused("order.first < true", 1, 6, "has no order");
    refused("order.total_minor * 1.5 > 3", 1, 21, "only whole numbers");
    refused("user.stage.matches('a')", 1, 19, "`matches` is not supported");
    refused("[1, 2].exists(x, x > 1)", 1, 14, "macros over lists");
    refused("user.orders in [order.total_minor]", 1, 22, "only constants");
    refused("at > timestamp('yesterday')", 1, 16, "timestamp() takes a constant");
    refused("order.first = true", 1, 13, "");
    refused("(order.first", 1, 13, "");
    refused("", 1, 1, "is empty");
    refused("order.total_minor == 9223372036854775808", 1, 22, "");
}

#[test]
fn cost_is_bounded_before_the_text_is_read() {
    let at_limit = format!("{}order.first{}", "(".repeat(16), ")".repeat(16));
    assert!(Condition::parse(&at_limit, &names()).is_ok());
    refused(&format!("({at_limit})"), 1, 17, "nests deeper than 16");
    refused(&"order.first && ".repeat(140), 1, 2_001, "longer than 2000");
    refused(&format!("{}true", "!!".repeat(300)), 1, 401, "too many operators");
    let chain = |n: usize| format!("0{} == 0", "+0".repeat(n));
    assert!(Condition::parse(&chain(98), &names()).is_ok());
    refused(&chain(99), 1, 204, "more than 200 parts");
    refused(&format!("a{} == 1", ".a".repeat(380)), 1, 760, "is not offered");
}

#[test]
fn a_form_is_the_expression_it_stands_for() {
    let row = |field: &str, operator, value: &str| FormRow { field: field.into(), operator, value: value.into() };
    let rows = [
        row("order.total_minor", FormOperator::Compare(Comparison::AtLeast), "9900"),
        row("user.stage", FormOperator::In, "repeat, loyal"),
        row("order.first", FormOperator::Compare(Comparison::Equal), "true"),
        row("at", FormOperator::Compare(Comparison::Less), "2028-01-01T00:00:00Z"),
    ];
    let text = "order.total_minor >= 9900 && user.stage in ['repeat', 'loyal'] && order.first == true \
                && at < timestamp('2028-01-01T00:00:00Z')";
    let form = Condition::from_form(&rows, &names()).unwrap();
    assert_eq!(form, Condition::parse(text, &names()).unwrap());
    assert!(form.holds(&values()));
    assert_eq!(Condition::from_form(&[], &names()).unwrap(), Condition::always());
}

#[test]
fn a_rule_tells_which_names_it_uses_wherever_they_stand() {
    let uses = |text: &str, name: &str| Condition::parse(text, &names()).unwrap().expr().unwrap().names(name);
    for text in [
        "user.orders > 1",
        "has(user.orders)",
        "!(at == at && 1 < -user.orders)",
        "order.first || user.orders in [1]",
        "math.least(1, math.greatest(2, user.orders * 2)) == 1",
        "(order.first ? 1 : user.orders) == 1",
    ] {
        assert!(uses(text, "user.orders"), "{text}");
        assert!(!uses(text, "user.stage"), "{text}");
    }
}

#[test]
fn a_form_names_the_row_and_the_part_at_fault() {
    let names = names();
    let fault = |field: &str, operator, value: &str| {
        let good = FormRow { field: "at".into(), operator: FormOperator::In, value: "2028-01-01T00:00:00Z".into() };
        let bad = FormRow { field: field.into(), operator, value: value.into() };
        let fault = Condition::from_form(&[good, bad], &names).unwrap_err();
        (fault.row, fault.part)
    };
    assert_eq!(fault("order.sku", FormOperator::In, "a"), (1, "field"));
    assert_eq!(fault("order.first", FormOperator::Compare(Comparison::Less), "true"), (1, "operator"));
    assert_eq!(fault("order.first", FormOperator::Compare(Comparison::Equal), "yes"), (1, "value"));
    assert_eq!(fault("user.orders", FormOperator::In, "1, x"), (1, "value"));
    assert_eq!(fault("at", FormOperator::Compare(Comparison::Less), "2028-13-01"), (1, "value"));
}
