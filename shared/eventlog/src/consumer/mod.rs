//! A consumer reads another service's log and applies it to its own tables, exactly once and in order per user.

mod apply;
mod cursor;
mod handler;
mod lease;
mod park;
mod places;
mod replay;
mod run;
mod settings;
mod source;
mod state;
mod step;
mod take;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub use handler::{ApplyError, Consume};
pub(crate) use replay::Hosted;
pub use settings::ConsumerSettings;
pub use source::PullSource;
pub use step::{Consuming, Step, StepError};

use crate::Log;

/// One handler of one source, in one replica.
pub struct Consumer<H, S> {
    log: Arc<Log>,
    handler: H,
    source: S,
    settings: ConsumerSettings,
    /// The name of this replica among those that share the partitions.
    replica: String,
    /// The newest event of each partition as last seen.
    heads: Mutex<BTreeMap<i32, i64>>,
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// A consumer that reads from `source` (a client of the source's event log service) and applies to the tables of
    /// `log`'s service. It does nothing until [`Consumer::run`].
    pub fn new(log: Arc<Log>, handler: H, source: S) -> Arc<Self> {
        Self::with_settings(log, handler, source, ConsumerSettings::default())
    }

    /// The same with other settings.
    pub fn with_settings(log: Arc<Log>, handler: H, source: S, settings: ConsumerSettings) -> Arc<Self> {
        let replica = uuid::Uuid::new_v4().to_string();
        let consumer = Arc::new(Self { log, handler, source, settings, replica, heads: Mutex::default() });
        let hosted: Arc<dyn Hosted> = consumer.clone();
        consumer.log.host(Arc::downgrade(&hosted));
        consumer
    }

    /// Labels of its metrics.
    fn labels(&self) -> [(&'static str, &'static str); 2] {
        [("consumer", self.handler.name()), ("source", self.handler.source())]
    }
}
