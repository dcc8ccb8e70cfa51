//! When cases are due: targets by quadrant, over working calendars.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::calendar::WorkingCalendar;
use super::triage::Quadrant;

/// Days in which a case may be reopened, where nothing else was published.
pub const REOPEN_WITHIN_DAYS: i32 = 14;

static ALWAYS: LazyLock<WorkingCalendar> = LazyLock::new(WorkingCalendar::always);

/// What a quadrant's cases are promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuadrantTarget {
    /// The calendar that their clocks follow.
    pub calendar_id: String,
    /// Working minutes to the first answer; 0: no target.
    pub first_response_minutes: i32,
    /// Working minutes to the resolution; 0: no target.
    pub resolution_minutes: i32,
}

/// When cases are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlaPolicy {
    /// By their ids.
    pub calendars: BTreeMap<String, WorkingCalendar>,
    /// By quadrant; those that are not in it have no targets.
    pub targets: BTreeMap<Quadrant, QuadrantTarget>,
    /// Days after a resolution in which the user may reopen the case.
    pub reopen_within_days: i32,
    /// 1, then one more with each publishing.
    pub version: i32,
    /// When this version was published, and so from when it counts.
    pub publish_time: OffsetDateTime,
}

/// What a case's clocks follow.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Measures working time.
    pub calendar: &'a WorkingCalendar,
    /// Working minutes to the first answer; 0: no target.
    pub first_response_minutes: i32,
    /// Working minutes to the resolution; 0: no target.
    pub resolution_minutes: i32,
}

/// The versions of a tenant's policy that a case can need, in their order: the one that it follows and all that came
/// after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies(pub Vec<SlaPolicy>);

impl Policies {
    /// The newest; `None`: none was ever published.
    pub fn current(&self) -> Option<&SlaPolicy> {
        self.0.last()
    }

    /// Version of the newest; 0: none was ever published.
    pub fn version(&self) -> i32 {
        self.current().map_or(0, |policy| policy.version)
    }

    /// Those that came after a version.
    pub fn after(&self, version: i32) -> impl Iterator<Item = &SlaPolicy> {
        self.0.iter().filter(move |policy| policy.version > version)
    }

    /// What a case in a quadrant follows under a version. Where there is none: round the clock, without targets.
    pub fn plan(&self, version: i32, quadrant: Quadrant, answer_within_minutes: i32) -> Plan<'_> {
        let policy = self.0.iter().find(|policy| policy.version == version);
        let target = policy.and_then(|policy| policy.targets.get(&quadrant));
        let calendar = policy.zip(target).and_then(|(policy, target)| policy.calendars.get(&target.calendar_id));
        let first = target.map_or(0, |target| target.first_response_minutes);
        // a type's own time to answer needs a desk that works by a policy
        let own = answer_within_minutes > 0 && target.is_some();
        Plan {
            calendar: calendar.unwrap_or(&ALWAYS),
            first_response_minutes: if own { answer_within_minutes } else { first },
            resolution_minutes: target.map_or(0, |target| target.resolution_minutes),
        }
    }

    /// Days in which a resolved case may be reopened.
    pub fn reopen_within_days(&self) -> i32 {
        self.current().map_or(REOPEN_WITHIN_DAYS, |policy| policy.reopen_within_days)
    }
}
