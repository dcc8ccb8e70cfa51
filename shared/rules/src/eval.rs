use std::sync::Arc;

use crate::expr::{Arithmetic, Expr, Kind, TextTest};
use crate::{Value, Values};

/// Why a part of a rule has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoValue {
    /// A name has none.
    #[error("{0} has no value")]
    Absent(Arc<str>),
    /// A result is beyond 64 bits.
    #[error("the result is out of range")]
    Overflow,
    /// A divisor is 0.
    #[error("division by zero")]
    DivisionByZero,
}

/// Evaluates a part. Total: no input makes it panic, and its time is bounded by the rule's size.
pub(crate) fn eval(expr: &Expr, values: &impl Values) -> Result<Value, NoValue> {
    match &expr.kind {
        Kind::Literal(value) => Ok(value.clone()),
        Kind::Name(name) => {
            values.value(name).filter(|value| value.ty() == expr.ty).ok_or_else(|| NoValue::Absent(name.clone()))
        }
        Kind::Has(name) => Ok(Value::Bool(values.value(name).is_some())),
        Kind::Not(inner) => Ok(Value::Bool(!truth(inner, values)?)),
        Kind::All(parts) => junction(parts, values, false),
        Kind::Any(parts) => junction(parts, values, true),
        Kind::Compare(how, left, right) => Ok(Value::Bool(how.holds(&eval(left, values)?, &eval(right, values)?))),
        Kind::In(inner, list) => Ok(Value::Bool(list.contains(&eval(inner, values)?))),
        Kind::Negate(inner) => number(inner, values)?.checked_neg().map(Value::Int).ok_or(NoValue::Overflow),
        Kind::Arithmetic(how, left, right) => combine(*how, number(left, values)?, number(right, values)?),
        Kind::If(condition, then, otherwise) => eval(if truth(condition, values)? { then } else { otherwise }, values),
        Kind::Test(how, left, right) => Ok(Value::Bool(test(*how, &text(left, values)?, &text(right, values)?))),
        Kind::Least(parts) => extreme(parts, values, i64::min),
        Kind::Greatest(parts) => extreme(parts, values, i64::max),
    }
}

/// `decisive` settles the whole (false for all, true for any) even where another part has no value.
fn junction(parts: &[Expr], values: &impl Values, decisive: bool) -> Result<Value, NoValue> {
    let mut missing = None;
    for part in parts {
        match truth(part, values) {
            Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
            Ok(_) => {}
            Err(cause) => missing = missing.or(Some(cause)),
        }
    }
    missing.map_or(Ok(Value::Bool(!decisive)), Err)
}

fn extreme(parts: &[Expr], values: &impl Values, pick: fn(i64, i64) -> i64) -> Result<Value, NoValue> {
    let mut best = None;
    for part in parts {
        let value = number(part, values)?;
        best = Some(best.map_or(value, |best| pick(best, value)));
    }
    best.map(Value::Int).ok_or(NoValue::Overflow)
}

fn combine(how: Arithmetic, left: i64, right: i64) -> Result<Value, NoValue> {
    let result = match how {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide | Arithmetic::Remainder if right == 0 => return Err(NoValue::DivisionByZero),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    };
    result.map(Value::Int).ok_or(NoValue::Overflow)
}

fn test(how: TextTest, left: &str, right: &str) -> bool {
    match how {
        TextTest::StartsWith => left.starts_with(right),
        TextTest::EndsWith => left.ends_with(right),
        TextTest::Contains => left.contains(right),
    }
}

pub(crate) fn truth(expr: &Expr, values: &impl Values) -> Result<bool, NoValue> {
    match eval(expr, values)? {
        Value::Bool(value) => Ok(value),
        other => unreachable!("lowering gave a condition the type {}", other.ty()),
    }
}

pub(crate) fn number(expr: &Expr, values: &impl Values) -> Result<i64, NoValue> {
    match eval(expr, values)? {
        Value::Int(value) => Ok(value),
        other => unreachable!("lowering gave a number the type {}", other.ty()),
    }
}

fn text(expr: &Expr, values: &impl Values) -> Result<Arc<str>, NoValue> {
    match eval(expr, values)? {
        Value::Text(value) => Ok(value),
        other => unreachable!("lowering gave a text the type {}", other.ty()),
    }
}
