//! What differs from run to run: the form of `--measurements`.

use serde::Serialize;

/// What differs from run to run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Measured {
    /// How the replay went.
    pub replay: Replay,
    /// Where the programme with the proposals was written; absent without `--orders`.
    pub bundle: Option<crate::demo::proposals::Bundle>,
}

/// How the replay went.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Replay {
    /// Events sent.
    pub events: u64,
    /// Taken for the first time.
    pub taken: u64,
    /// Known from an earlier replay: answered as then, without effect.
    pub replayed: u64,
    /// Refused.
    pub refused: u64,
    /// Streams that broke and were opened again.
    pub reconnects: u64,
    /// From the first event sent to the last answer.
    pub sending_seconds: f64,
    /// From the first event sent until every consumer's cursor had reached its source's head.
    pub total_seconds: f64,
    /// `events` divided by `total_seconds`.
    pub events_per_second: f64,
    /// Processor time, where it could be measured.
    pub cost: Option<crate::demo::cost::Cost>,
}
