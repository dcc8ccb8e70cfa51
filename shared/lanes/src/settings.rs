use serde::Deserialize;

/// Whether and how calls wait for each other. Under `[service.lanes]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether calls that come at the same time share transactions. Without it each is a transaction of its own: what
    /// measurements compare with.
    pub on: bool,
    /// Calls of one kind that may wait; one more is refused with OVERLOADED.
    pub waiting_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { on: true, waiting_max: 4_096 }
    }
}
