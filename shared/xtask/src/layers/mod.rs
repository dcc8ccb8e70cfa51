//! `cargo xtask layers`: the house rules that the compiler does not know.

mod manifests;
mod rules;
mod source;

use std::fs;

use anyhow::{Context, bail};

use crate::repo;

/// Lines that a hand-written file has at most: past it, it does more than one thing.
const LINES_MAX: usize = 500;

/// Prints every break of a rule, and the reason of each broken rule once; fails if there is one.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut breaks = manifests::check()?;
    let mut reasons = Vec::new();
    let mut files = 0;
    for folder in repo::crates()? {
        for ending in [".rs", ".sql"] {
            for path in repo::files(&folder, ending)? {
                let name = repo::short(&path);
                if name.starts_with("shared/proto/src/gen/") || name.starts_with("shared/xtask/") {
                    continue; // generated; and the rules themselves
                }
                files += 1;
                let text = fs::read_to_string(&path).with_context(|| name.clone())?;
                if text.lines().count() > LINES_MAX {
                    breaks.push(format!("{name}: longer than {LINES_MAX} lines"));
                }
                let code = source::code(&text, ending);
                for rule in rules::RULES.iter().filter(|rule| rule.applies(&name)) {
                    for (line, found) in rule.breaks(&code) {
                        breaks.push(format!("{name}:{line}: `{found}` ({})", rule.name));
                        reasons.push(format!("{}: {}", rule.name, rule.reason));
                    }
                }
            }
        }
    }
    if breaks.is_empty() {
        println!("{files} files keep {} rules", rules::RULES.len() + 4);
        return Ok(());
    }
    reasons.sort();
    reasons.dedup();
    for line in breaks.iter().chain(&reasons) {
        println!("{line}");
    }
    bail!("{} breaks of the house rules", breaks.len())
}
