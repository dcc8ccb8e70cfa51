//! Writes of many callers in one transaction.
//!
//! A write that costs a transaction of its own costs a flush of its own. Here calls wait while earlier ones are being
//! written, and what has gathered is written together: nobody waits for company, a call that comes alone is written
//! alone, and at once. So batches grow with the load and with the time of a flush.
//!
//! There are 32 lanes, the partitions of the event log. A user's calls are in one lane, in order, and a lane is in one
//! transaction at a time, so transactions of a process never wait for each other's users or for a partition's end.
//! How many run at once follows the measured time of a flush ([`pace`](self) has the rule): flushes are waited for side
//! by side where they are slow, and batches are larger where they are fast.
//!
//! The transaction itself is [`Work`]: the same code that does one call.

mod pace;
mod settings;
mod waiting;
mod writer;

use std::future::Future;
use std::time::Duration;

use ids::TenantId;

pub use settings::Settings;
pub use writer::Lanes;

/// Calls that one transaction takes at most.
pub const BATCH_MAX: usize = 256;

/// What can be done for many callers at once.
pub trait Work: Send + Sync + 'static {
    /// A call.
    type Call: Send + Sync + 'static;
    /// What it is answered.
    type Answer: Send + 'static;
    /// Why it is not.
    type Error: From<Unserved> + Send + 'static;

    /// Does calls of one tenant in one transaction: an outcome for each, in their order, or an error for all. After such
    /// an error, or a panic, each call is done again on its own; so a call that was done must be known by its id.
    fn work(
        &self,
        tenant: &TenantId,
        calls: &[Self::Call],
    ) -> impl Future<Output = Result<Outcomes<Self>, Self::Error>> + Send;

    /// Whether an error says nothing about any one call, such as a store that does not answer. Then the calls of a batch
    /// are not tried one by one: all of them are [`Unserved::Unreached`].
    fn common(error: &Self::Error) -> bool;

    /// How long a commit takes at present.
    fn flush(&self) -> Duration;
}

/// An outcome for each call of a batch.
pub type Outcomes<W> = Vec<Result<<W as Work>::Answer, <W as Work>::Error>>;

/// Why a call was not even tried, or its outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// As many calls wait as may. It had no effect.
    #[error("too many calls are waiting")]
    Full,
    /// The caller's time was over before it was begun. It had no effect.
    #[error("its time was over before it was begun")]
    Late,
    /// What all calls need could not be reached. It may have had its effect.
    #[error("what the write needs could not be reached")]
    Unreached,
    /// What was doing it broke. It may have had its effect.
    #[error("the write broke off")]
    Broken,
}
