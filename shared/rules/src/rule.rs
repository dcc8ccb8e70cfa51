use crate::form::FormRow;
use crate::{Expr, FormError, Names, NoValue, Ratio, RuleError, Type, Values, eval, exact, form, lower, parse};

/// A checked condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Option<Expr>);

impl Condition {
    /// The condition that always holds.
    pub fn always() -> Self {
        Self(None)
    }

    /// Reads a CEL expression that yields a bool.
    pub fn parse(text: &str, names: &Names) -> Result<Self, RuleError> {
        lower::lower(&parse::parse(text)?, names, Type::Bool).map(|expr| Self(Some(expr)))
    }

    /// Compiles form rows, all of which must hold; none: always.
    pub fn from_form(rows: &[FormRow], names: &Names) -> Result<Self, FormError> {
        form::compile(rows, names).map(Self)
    }

    /// Whether it holds; where it has no value it does not.
    pub fn holds(&self, values: &impl Values) -> bool {
        self.decide(values).unwrap_or(false)
    }

    /// Whether it holds, or why that cannot be said.
    pub fn decide(&self, values: &impl Values) -> Result<bool, NoValue> {
        self.0.as_ref().map_or(Ok(true), |expr| eval::truth(expr, values))
    }

    /// Its typed form; `None`: always.
    pub fn expr(&self) -> Option<&Expr> {
        self.0.as_ref()
    }
}

/// A checked formula for a whole number.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula(Expr);

impl Formula {
    /// Reads a CEL expression that yields a whole number.
    pub fn parse(text: &str, names: &Names) -> Result<Self, RuleError> {
        lower::lower(&parse::parse(text)?, names, Type::Int).map(Self)
    }

    /// Its value, or why it has none.
    pub fn value(&self, values: &impl Values) -> Result<i64, NoValue> {
        eval::number(&self.0, values)
    }

    /// Its value before any rounding: divisions yield fractions. Conditions inside it mean what they mean everywhere.
    pub fn exact(&self, values: &impl Values) -> Result<Ratio, NoValue> {
        exact::exact(&self.0, values)
    }

    /// Its typed form.
    pub fn expr(&self) -> &Expr {
        &self.0
    }
}
