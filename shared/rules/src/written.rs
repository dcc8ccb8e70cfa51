use serde::{Deserialize, Serialize};

use crate::{Comparison, Condition, FormOperator, FormRow, Names};

/// When a rule applies, as it was written: what is stored, and compiled against the names of its event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Written {
    /// Always.
    Always,
    /// A CEL expression.
    Expression(String),
    /// Form rows.
    Form(Vec<WrittenRow>),
}

/// A form row as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenRow {
    /// The name.
    pub field: String,
    /// The contract's number of the operator.
    pub operator: i32,
    /// The value as text.
    pub value: String,
}

/// Why something written cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field of the rule, such as `formula` or `form.rows[2].value`.
    pub field: String,
    /// Position and cause.
    pub cause: String,
}

impl Written {
    /// Reads it against the names offered.
    pub fn compile(&self, names: &Names) -> Result<Condition, Fault> {
        match self {
            Self::Always => Ok(Condition::always()),
            Self::Expression(text) => Condition::parse(text, names)
                .map_err(|fault| Fault { field: "expression".to_owned(), cause: fault.to_string() }),
            Self::Form(rows) => compile_form(rows, names),
        }
    }
}

fn compile_form(rows: &[WrittenRow], names: &Names) -> Result<Condition, Fault> {
    let mut form = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let Some(operator) = operator(row.operator) else {
            return Err(Fault { field: format!("form.rows[{index}].operator"), cause: "is not known".to_owned() });
        };
        form.push(FormRow { field: row.field.clone(), operator, value: row.value.clone() });
    }
    Condition::from_form(&form, names)
        .map_err(|fault| Fault { field: format!("form.rows[{}].{}", fault.row, fault.part), cause: fault.cause })
}

fn operator(code: i32) -> Option<FormOperator> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
    let compare = [Equal, NotEqual, Less, AtMost, Greater, AtLeast];
    match usize::try_from(code).ok()? {
        7 => Some(FormOperator::In),
        code => compare.get(code.checked_sub(1)?).copied().map(FormOperator::Compare),
    }
}
