use std::fmt::{self, Display, Formatter, Write};

use time::format_description::well_known::Rfc3339;

use crate::Value;
use crate::expr::{Arithmetic, Comparison, Expr, Kind, TextTest};

/// CEL text that reads as the same rule; every operator is bracketed.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Literal(value) => value.fmt(f),
            Kind::Name(name) => f.write_str(name),
            Kind::Has(name) => write!(f, "has({name})"),
            Kind::Not(inner) => write!(f, "!({inner})"),
            Kind::All(parts) => bracketed(f, parts, " && "),
            Kind::Any(parts) => bracketed(f, parts, " || "),
            Kind::Compare(how, left, right) => write!(f, "({left} {how} {right})"),
            Kind::In(inner, list) => {
                write!(f, "({inner} in [")?;
                joined(f, list, ", ")?;
                f.write_str("])")
            }
            // the bracket keeps `-(5)` a negation where `-5` would be read as a constant
            Kind::Negate(inner) => write!(f, "-({inner})"),
            Kind::Arithmetic(how, left, right) => write!(f, "({left} {how} {right})"),
            Kind::If(condition, then, otherwise) => write!(f, "({condition} ? {then} : {otherwise})"),
            Kind::Test(how, left, right) => write!(f, "{left}.{how}({right})"),
            Kind::Least(parts) => {
                f.write_str("math.least")?;
                bracketed(f, parts, ", ")
            }
            Kind::Greatest(parts) => {
                f.write_str("math.greatest")?;
                bracketed(f, parts, ", ")
            }
        }
    }
}

fn bracketed(f: &mut Formatter<'_>, parts: &[Expr], between: &str) -> fmt::Result {
    f.write_char('(')?;
    joined(f, parts, between)?;
    f.write_char(')')
}

fn joined(f: &mut Formatter<'_>, parts: &[impl Display], between: &str) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

/// As a CEL constant.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Text(text) => quoted(f, text),
            Value::Time(time) => write!(f, "timestamp(\"{}\")", time.format(&Rfc3339).map_err(|_| fmt::Error)?),
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            _ if character.is_control() => write!(f, "\\u{:04x}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    f.write_char('"')
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        })
    }
}

impl Display for Arithmetic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        })
    }
}

impl Display for TextTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextTest::StartsWith => "startsWith",
            TextTest::EndsWith => "endsWith",
            TextTest::Contains => "contains",
        })
    }
}
