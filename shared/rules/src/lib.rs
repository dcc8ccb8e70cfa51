//! Conditions and formulas of operators' rules: CEL text becomes a small typed form that is evaluated here, and whose
//! names, types and cost are checked when the rule is saved.
//!
//! What the language has: `&& || !`, `== != < <= > >=`, `+ - * / %` and unary `-` on whole numbers, `in [..]` with
//! literals, `c ? a : b`, `has(name)`, `startsWith`, `endsWith`, `contains`, `math.least(..)`, `math.greatest(..)`,
//! `timestamp("2027-01-01T00:00:00Z")`, and the names that the caller offers. Floats, maps, macros over lists and other
//! functions are refused with their position: money and points are whole numbers.
//!
//! **Values that are not there.** A name may have no value (a user without orders has no `user.first_order_at`), a sum
//! may overflow, a divisor may be 0. Such a part has *no value*, and so has all that is computed from it, except that
//! `false && x` is false and `true || x` is true whatever `x` is, as in CEL and in SQL. A condition holds only where it
//! is true: `user.orders < 3` and `!(user.orders < 3)` both fail where `user.orders` is absent; `has(user.orders)` asks.
//! A formula without a value yields nothing; [`NoValue`] tells why.
//!
//! **Division** rounds towards zero, as in CEL and in SQL. Of a formula [`Formula::exact`] gives the value before any rounding.

mod error;
mod eval;
mod exact;
mod expr;
mod form;
mod lower;
mod names;
mod parse;
mod print;
mod rule;
mod value;
mod written;

pub use error::{FormError, Position, RuleError};
pub use eval::NoValue;
pub use exact::Ratio;
pub use expr::{Arithmetic, Comparison, Expr, Kind, TextTest};
pub use form::{FormOperator, FormRow};
pub use names::{Names, Values};
pub use rule::{Condition, Formula};
pub use value::{Type, Value};
pub use written::{Fault, Written, WrittenRow};

/// Longest text of a rule, in characters.
pub const TEXT_MAX: usize = 2_000;
/// Most parts (names, literals, operators) of one rule: what bounds the cost of evaluating it.
pub const SIZE_MAX: usize = 200;
/// Deepest nesting of brackets.
pub const DEPTH_MAX: usize = 16;
