use std::sync::{Arc, Mutex, Weak};

use pg::{Db, StoreError, Tx};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::LogSettings;
use crate::consumer::Hosted;
use crate::marks::Marks;
use crate::readers::Readers;
use crate::wake::Wakes;
use crate::watch::Heads;

/// The event log of one service in this process.
pub struct Log {
    pub(crate) db: Db,
    pub(crate) settings: LogSettings,
    pub(crate) heads: Heads,
    pub(crate) marks: Marks,
    pub(crate) readers: Readers,
    pub(crate) wakes: Wakes,
    /// Room for readers that wait.
    pub(crate) waiting: Semaphore,
    /// Counts the batches that consumers of this process applied, for those who wait for one.
    pub(crate) applied: watch::Sender<u64>,
    pub(crate) ended: CancellationToken,
    hosted: Mutex<Vec<Weak<dyn Hosted>>>,
}

impl Log {
    /// The log in the schema of `db`. Redis only carries wake-ups between processes: without it an event of another
    /// process is seen within [`LogSettings::poll_every_ms`].
    pub fn new(db: Db, redis: Option<redis::Client>, settings: LogSettings) -> Arc<Self> {
        Arc::new(Self {
            heads: Heads::default(),
            marks: Marks::default(),
            readers: Readers::default(),
            wakes: Wakes::new(redis),
            waiting: Semaphore::new(settings.waiting_max),
            applied: watch::Sender::new(0),
            ended: CancellationToken::new(),
            hosted: Mutex::default(),
            db,
            settings,
        })
    }

    /// The service that owns the log: the name of its schema.
    pub fn source(&self) -> &'static str {
        self.db.schema()
    }

    /// Serves the log until `shutdown`: keeps tables for the coming days, drops old ones, and looks for events of other
    /// processes while somebody waits. Waiting readers are answered when it ends.
    pub async fn run(&self, shutdown: CancellationToken) {
        let work = futures::future::join5(
            Box::pin(self.keep_up()),
            Box::pin(self.watch_heads()),
            self.keep_readers(),
            Box::pin(self.publish_wakes()),
            Box::pin(self.hear_wakes()),
        );
        tokio::select! {
            _ = work => {}
            () = shutdown.cancelled() => {}
        }
        self.ended.cancel();
        self.flush_readers().await;
    }

    /// Names a consumer of this service that runs in this process.
    pub(crate) fn host(&self, consumer: Weak<dyn Hosted>) {
        self.lock_hosted().push(consumer);
    }

    /// The consumers that run in this process.
    pub(crate) fn hosted(&self) -> Vec<Arc<dyn Hosted>> {
        self.lock_hosted().iter().filter_map(Weak::upgrade).collect()
    }

    /// A transaction across tenants, or of one tenant.
    pub(crate) async fn begin(&self, tenant: Option<&ids::TenantId>) -> Result<Tx, StoreError> {
        match tenant {
            Some(tenant) => self.db.begin(tenant).await,
            None => self.db.begin_system().await,
        }
    }

    fn lock_hosted(&self) -> std::sync::MutexGuard<'_, Vec<Weak<dyn Hosted>>> {
        self.hosted.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
