use std::fmt;

/// A place in a rule's text; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The place of the byte `offset` of `text`.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {cause}")]
pub struct RuleError {
    /// Where.
    pub at: Position,
    /// What is wrong there, as a phrase for a person.
    pub cause: String,
}

/// Why form rows are not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {cause}")]
pub struct FormError {
    /// Index of the row, from 0.
    pub row: usize,
    /// The part of the row at fault: `field`, `operator` or `value`.
    pub part: &'static str,
    /// What is wrong with it, as a phrase for a person.
    pub cause: String,
}
