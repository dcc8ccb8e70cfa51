//! Rules about dependencies between crates, read from their `Cargo.toml`.

use std::{fs, path::Path};

use anyhow::Context;

use crate::repo;

/// Dependencies that no source text names, each for a reason.
const NAMED_NOWHERE: [(&str, &str, &str); 0] = [];

/// Every break of: services never depend on each other (the suite hosts them), shared crates never on services, every
/// dependency is used, versions stand in the root manifest alone.
pub(crate) fn check() -> anyhow::Result<Vec<String>> {
    let crates = repo::crates()?;
    let services: Vec<_> = crates.iter().filter(|folder| repo::short(folder).starts_with("services/")).collect();
    let mut breaks = Vec::new();
    for folder in &crates {
        let name = repo::short(folder);
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| repo::short(&manifest))?;
        for dependency in dependencies(&text) {
            let on_service = services.iter().any(|service| service.ends_with(dependency.name));
            if on_service && name.starts_with("shared/") {
                breaks.push(format!(
                    "{name} depends on the service {}: shared crates lie below all services",
                    dependency.name
                ));
            } else if on_service && name.starts_with("services/") && name != "services/suite" {
                let name_of_other = dependency.name;
                breaks.push(format!(
                    "{name} depends on the service {name_of_other}: services meet through calls and events"
                ));
            }
            if !dependency.from_workspace {
                breaks.push(format!("{name} pins {} itself: say `{0}.workspace = true`", dependency.name));
            }
            if !is_named(folder, dependency.name)? && !excepted(&name, dependency.name) {
                breaks.push(format!("{name} does not use its dependency {}", dependency.name));
            }
        }
    }
    Ok(breaks)
}

struct Dependency<'a> {
    name: &'a str,
    from_workspace: bool,
}

/// The entries of all sections of dependencies.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').ends_with("dependencies");
        } else if let (true, Some((name, value))) = (inside, line.split_once('=')) {
            let (name, key) = name.trim().split_once('.').unwrap_or((name.trim(), ""));
            found.push(Dependency { name, from_workspace: key == "workspace" || value.contains("workspace = true") });
        }
    }
    found
}

/// Whether any source of the crate names it.
fn is_named(folder: &Path, dependency: &str) -> anyhow::Result<bool> {
    let name = dependency.replace('-', "_");
    for source in repo::files(folder, ".rs")? {
        let text = fs::read_to_string(&source)?;
        let word = |at: usize| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let joins = |c: char| c.is_alphanumeric() || c == '_';
            !before.ends_with(joins) && !after.starts_with(joins)
        };
        if text.match_indices(&name).any(|(at, _)| word(at)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn excepted(name: &str, dependency: &str) -> bool {
    NAMED_NOWHERE.iter().any(|(of, what, _)| *of == name && *what == dependency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_every_section() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\ntonic.workspace = true\nserde = \"1\"\n\
                        [dev-dependencies]\npg = { workspace = true, features = [] }\n[lints]\nworkspace = true\n";
        let found: Vec<_> = dependencies(manifest).iter().map(|d| (d.name, d.from_workspace)).collect();
        assert_eq!(found, [("tonic", true), ("serde", false), ("pg", true)]);
    }
}
