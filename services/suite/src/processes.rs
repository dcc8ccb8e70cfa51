//! Processor time of processes, by what `/proc` says of them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

/// Linux counts processor time for users in hundredths of a second, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of named processes.
#[derive(Debug, Default)]
pub struct Processes {
    looked: bool,
    seen: HashMap<u32, Seen>,
}

#[derive(Debug)]
struct Seen {
    name: &'static str,
    first: u64,
    last: u64,
}

impl Processes {
    /// Looks at all processes that `name` names. One that was not there at the first look counts from its start.
    pub fn look(&mut self, name: impl Fn(u32, &str) -> Option<&'static str>) {
        let first_look = !std::mem::replace(&mut self.looked, true);
        let Ok(entries) = fs::read_dir("/proc") else { return };
        for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
            let Ok(command) = fs::read(format!("/proc/{pid}/cmdline")) else { continue };
            let Some(name) = name(pid, &String::from_utf8_lossy(&command)) else { continue };
            let Some(ticks) = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| ticks(&stat)) else {
                continue;
            };
            let first = if first_look { ticks } else { 0 };
            self.seen.entry(pid).or_insert(Seen { name, first, last: ticks }).last = ticks;
        }
    }

    /// What was used since the first look, by name.
    pub fn used(&self) -> BTreeMap<&'static str, Duration> {
        let mut used = BTreeMap::new();
        for seen in self.seen.values() {
            let ticks = u32::try_from(seen.last.saturating_sub(seen.first)).unwrap_or(u32::MAX);
            *used.entry(seen.name).or_default() += TICK * ticks;
        }
        used
    }
}

/// Whether the title of a Postgres process names this role: `postgres: banyan_levels postgres 127.0.0.1(40022) idle`.
pub fn serves(command: &str, role: &str) -> bool {
    command.split_once("postgres: ").is_some_and(|(_, rest)| rest.split(' ').any(|word| word == role))
}

/// User and system time in a line of `/proc/<pid>/stat`. The name in parentheses may hold anything, so what follows the
/// last of them is read.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let (user, system) = (fields.nth(11)?, fields.next()?);
    Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_parentheses() {
        let stat = "812 (a) (b) S 1 812 812 0 -1 4194560 100 0 0 0 37 5 9 9 20 0 1 0 100 1000 10";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("812 (x"), None);
    }

    #[test]
    fn a_connection_is_known_by_its_role() {
        let title = "postgres: banyan_levels postgres 127.0.0.1(40022) idle";
        assert!(serves(title, "banyan_levels"));
        assert!(!serves(title, "banyan_profiles"));
        assert!(!serves("banyan_levels", "banyan_levels"));
    }

    #[test]
    fn a_process_that_came_later_counts_from_its_start() {
        let mut processes = Processes::default();
        let own = std::process::id();
        processes.look(|_, _| None);
        processes.look(|pid, _| (pid == own).then_some("own"));
        let from_start = processes.used().contains_key("own");
        assert!(from_start || !fs::exists("/proc/self/stat").unwrap_or(false));
    }
}
