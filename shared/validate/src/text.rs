//! Rules of strings: `const`, `len`, `min_len`, `max_len` (in characters), `len_bytes`, `min_bytes`, `max_bytes`, `pattern`,
//! `prefix`, `suffix`, `contains`, `not_contains`, `in`, `not_in`; and of bytes: `len`, `min_len`, `max_len`.

use regex::Regex;

use crate::{UnsupportedRule, bounds::listed, size::Size, source::Rules};

/// The rules of a string. The one that holds for all, no NUL, is part of it.
#[derive(Debug)]
pub(crate) struct Text {
    constant: Option<String>,
    characters: Size,
    bytes: Size,
    pattern: Option<Regex>,
    prefix: Option<String>,
    suffix: Option<String>,
    contains: Option<String>,
    not_contains: Option<String>,
    among: Vec<String>,
    barred: Vec<String>,
}

impl Text {
    pub(crate) fn read(mut rules: Rules) -> Result<Self, UnsupportedRule> {
        let characters = Size::read(&mut rules, ["len", "min_len", "max_len"], ("character", "characters"))?;
        let bytes = Size::read(&mut rules, ["len_bytes", "min_bytes", "max_bytes"], ("byte", "bytes"))?;
        let pattern = rules.text("pattern").map(|pattern| compile(&rules, &pattern)).transpose()?;
        let text = Self {
            constant: rules.text("const"),
            characters,
            bytes,
            pattern,
            prefix: rules.text("prefix"),
            suffix: rules.text("suffix"),
            contains: rules.text("contains"),
            not_contains: rules.text("not_contains"),
            among: rules.texts("in"),
            barred: rules.texts("not_in"),
        };
        rules.finish()?;
        Ok(text)
    }

    /// Descriptions name the limit and never repeat the text, which may be personal.
    pub(crate) fn check(&self, text: &str, mut report: impl FnMut(String)) {
        if text.contains('\0') {
            report("must not contain a NUL character".to_owned());
        }
        if let Some(constant) = self.constant.as_deref().filter(|constant| *constant != text) {
            report(format!("must be {constant:?}"));
        }
        if !self.characters.is_empty() {
            self.characters.check(text.chars().count(), &mut report);
        }
        self.bytes.check(text.len(), &mut report);
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            report(format!("must match {pattern}"));
        }
        if let Some(prefix) = self.prefix.as_deref().filter(|prefix| !text.starts_with(prefix)) {
            report(format!("must begin with {prefix:?}"));
        }
        if let Some(suffix) = self.suffix.as_deref().filter(|suffix| !text.ends_with(suffix)) {
            report(format!("must end with {suffix:?}"));
        }
        if let Some(part) = self.contains.as_deref().filter(|part| !text.contains(part)) {
            report(format!("must contain {part:?}"));
        }
        if let Some(part) = self.not_contains.as_deref().filter(|part| text.contains(part)) {
            report(format!("must not contain {part:?}"));
        }
        if !self.among.is_empty() && !self.among.iter().any(|allowed| allowed == text) {
            report(format!("must be one of {}", listed(&self.among)));
        }
        if self.barred.iter().any(|barred| barred == text) {
            report(format!("must not be one of {}", listed(&self.barred)));
        }
    }
}

/// Patterns mean the same to every client only without the classes that RE2 reads as ASCII and this library as Unicode.
fn compile(rules: &Rules, pattern: &str) -> Result<Regex, UnsupportedRule> {
    let ambiguous = ["\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "(?i"];
    if let Some(class) = ambiguous.iter().find(|class| pattern.contains(**class)) {
        return Err(rules.error("pattern", format!("contains {class}: spell out the characters")));
    }
    Regex::new(pattern).map_err(|error| rules.error("pattern", format!("is not a regular expression: {error}")))
}

/// The rules of bytes.
pub(crate) fn read_bytes(mut rules: Rules) -> Result<Size, UnsupportedRule> {
    let size = Size::read(&mut rules, ["len", "min_len", "max_len"], ("byte", "bytes"))?;
    rules.finish()?;
    Ok(size)
}
