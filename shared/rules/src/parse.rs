use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;

use crate::{DEPTH_MAX, Position, RuleError, SIZE_MAX, TEXT_MAX};

/// A text read by the CEL parser.
pub(crate) struct Parsed<'a> {
    pub(crate) text: &'a str,
    pub(crate) root: IdedExpr,
    info: SourceInfo,
}

impl Parsed<'_> {
    pub(crate) fn position(&self, node: &IdedExpr) -> Position {
        let offset = self.info.offset_for(node.id).map_or(0, |(start, _)| start as usize);
        Position::of(self.text, offset)
    }

    pub(crate) fn error<T>(&self, node: &IdedExpr, cause: impl Into<String>) -> Result<T, RuleError> {
        Err(RuleError { at: self.position(node), cause: cause.into() })
    }
}

/// Reads the text, or says where the first fault is.
pub(crate) fn parse(text: &str) -> Result<Parsed<'_>, RuleError> {
    bound(text)?;
    let parser = Parser::new().max_recursion_depth(2 * DEPTH_MAX as u16).error_recovery_limit(1);
    let (root, info) = parser.parse_with_source_info(text).map_err(|faults| {
        let fault = faults.errors.into_iter().next();
        let (at, cause) = fault.map_or(((1, 1), "cannot be read".to_owned()), |fault| (fault.pos, fault.msg));
        let cause = cause.strip_prefix("Syntax error: ").unwrap_or(&cause).to_owned();
        RuleError { at: Position { line: at.0.max(1) as usize, column: at.1.max(1) as usize }, cause }
    })?;
    Ok(Parsed { text, root, info })
}

/// The parser and all that walks its tree recurse: a text that could nest deeper than a thread's stack allows is refused
/// before it is read. Characters inside strings count too, which only makes the bound a little stricter.
fn bound(text: &str) -> Result<(), RuleError> {
    let refuse = |offset, cause: String| Err(RuleError { at: Position::of(text, offset), cause });
    if text.trim().is_empty() {
        return refuse(0, "is empty".to_owned());
    }
    let (mut depth, mut operators) = (0usize, 0usize);
    for (count, (offset, character)) in text.char_indices().enumerate() {
        if count >= TEXT_MAX {
            return refuse(offset, format!("is longer than {TEXT_MAX} characters"));
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '.' | '+' | '-' | '*' | '/' | '%' | '?' | '!' | '&' | '|' | '=' | '<' | '>' | ',' => operators += 1,
            _ => {}
        }
        if depth > DEPTH_MAX {
            return refuse(offset, format!("nests deeper than {DEPTH_MAX} brackets"));
        }
        if operators > 2 * SIZE_MAX {
            return refuse(offset, "has too many operators".to_owned());
        }
    }
    Ok(())
}
