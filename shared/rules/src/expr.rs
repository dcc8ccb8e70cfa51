use std::sync::Arc;

use crate::{Position, Type, Value};

/// A part of a rule: what it is, its type, and where it stands in the text (form rows stand at line 0, column of the
/// row). Two parts are equal when they mean the same, wherever they stand.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// The type of its value.
    pub ty: Type,
    /// Where its text stands.
    pub at: Position,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty && self.kind == other.kind
    }
}

/// What a part of a rule can be. Lowering has checked the types of all operands.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A constant.
    Literal(Value),
    /// The value of a name.
    Name(Arc<str>),
    /// Whether a name has a value.
    Has(Arc<str>),
    /// Not.
    Not(Box<Expr>),
    /// All hold; two or more, none of them an `All` itself.
    All(Vec<Expr>),
    /// At least one holds; two or more, none of them an `Any` itself.
    Any(Vec<Expr>),
    /// Two values of the same type compared.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// One of some constants of the same type.
    In(Box<Expr>, Vec<Value>),
    /// The negative.
    Negate(Box<Expr>),
    /// Two whole numbers combined.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// The second where the first holds, else the third.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A text tested against another.
    Test(TextTest, Box<Expr>, Box<Expr>),
    /// The smallest of one or more whole numbers.
    Least(Vec<Expr>),
    /// The greatest of one or more whole numbers.
    Greatest(Vec<Expr>),
}

impl Expr {
    /// Whether it names this.
    pub fn names(&self, name: &str) -> bool {
        match &self.kind {
            Kind::Literal(_) => false,
            Kind::Name(it) | Kind::Has(it) => **it == *name,
            Kind::Not(inner) | Kind::In(inner, _) | Kind::Negate(inner) => inner.names(name),
            Kind::All(parts) | Kind::Any(parts) | Kind::Least(parts) | Kind::Greatest(parts) => {
                parts.iter().any(|part| part.names(name))
            }
            Kind::Compare(_, left, right) | Kind::Arithmetic(_, left, right) | Kind::Test(_, left, right) => {
                left.names(name) || right.names(name)
            }
            Kind::If(condition, then, otherwise) => condition.names(name) || then.names(name) || otherwise.names(name),
        }
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    pub(crate) fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
        }
    }

    /// Whether it needs an order: bools have none in this language.
    pub(crate) fn orders(self) -> bool {
        !matches!(self, Comparison::Equal | Comparison::NotEqual)
    }
}

/// How two whole numbers are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, rounding towards zero.
    Divide,
    /// `%`, with the sign of the dividend.
    Remainder,
}

/// How a text is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// `a.startsWith(b)`
    StartsWith,
    /// `a.endsWith(b)`
    EndsWith,
    /// `a.contains(b)`
    Contains,
}
