use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::expr::{Comparison, Expr, Kind};
use crate::{FormError, Names, Position, Type, Value};

/// How a form row compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormOperator {
    /// As an operator between two values.
    Compare(Comparison),
    /// The value is one of a comma-separated list; blanks around an item don't count.
    In,
}

/// One row of a form: `field operator value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRow {
    /// A name.
    pub field: String,
    /// How to compare.
    pub operator: FormOperator,
    /// The value as text, read by the name's type.
    pub value: String,
}

/// Compiles rows to what the same expression, joined by `&&`, would become.
pub(crate) fn compile(rows: &[FormRow], names: &Names) -> Result<Option<Expr>, FormError> {
    let mut parts =
        rows.iter().enumerate().map(|(row, it)| compile_row(row, it, names)).collect::<Result<Vec<_>, _>>()?;
    Ok(match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(Expr { kind: Kind::All(parts), ty: Type::Bool, at: Position { line: 0, column: 1 } }),
    })
}

fn compile_row(row: usize, it: &FormRow, names: &Names) -> Result<Expr, FormError> {
    let at = Position { line: 0, column: row + 1 };
    let refuse = |part, cause| FormError { row, part, cause };
    let Some((name, ty)) = names.get(&it.field) else {
        return Err(refuse("field", format!("is not offered here; there are: {}", names.listed(&it.field))));
    };
    let field = Box::new(Expr { kind: Kind::Name(name), ty, at });
    let kind = match it.operator {
        FormOperator::Compare(how) if how.orders() && ty == Type::Bool => {
            return Err(refuse("operator", "does not fit a bool".to_owned()));
        }
        FormOperator::Compare(how) => {
            let value = read(&it.value, ty).map_err(|cause| refuse("value", cause))?;
            Kind::Compare(how, field, Box::new(Expr { kind: Kind::Literal(value), ty, at }))
        }
        FormOperator::In => {
            let items = it.value.split(',').map(|item| read(item.trim(), ty));
            Kind::In(field, items.collect::<Result<_, _>>().map_err(|cause| refuse("value", cause))?)
        }
    };
    Ok(Expr { kind, ty: Type::Bool, at })
}

fn read(text: &str, ty: Type) -> Result<Value, String> {
    let value = match ty {
        Type::Text => Some(text.into()),
        Type::Bool => text.parse().ok().map(Value::Bool),
        Type::Int => text.parse().ok().map(Value::Int),
        Type::Time => OffsetDateTime::parse(text, &Rfc3339).ok().map(Value::Time),
    };
    value.ok_or_else(|| match ty {
        Type::Bool => "must be true or false".to_owned(),
        Type::Int => "must be a whole number".to_owned(),
        Type::Text | Type::Time => "must be a time such as 2027-01-01T00:00:00Z".to_owned(),
    })
}
