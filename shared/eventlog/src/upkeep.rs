use pg::StoreError;
use time::{Duration, OffsetDateTime};

use crate::Log;

/// Days whose tables are made ahead.
const DAYS_AHEAD: i32 = 3;

/// What one round of upkeep did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upkeep {
    /// Tables made for coming days, or for days whose events had none.
    pub made: i32,
    /// Tables dropped, oldest first.
    pub dropped: Vec<String>,
}

impl Log {
    /// Makes the tables of today and the next days, and drops days past their retention that no service still has to
    /// read, moving the floor in the same transaction.
    pub async fn upkeep(&self) -> Result<Upkeep, StoreError> {
        self.flush_readers().await;
        let mut done = Upkeep { made: self.add_days().await?, dropped: Vec::new() };
        while let Some(name) = self.drop_day().await? {
            tracing::info!(source = self.source(), name, "dropped a day of the event log");
            done.dropped.push(name);
        }
        Ok(done)
    }

    /// Upkeep at start and then at every interval. One that fails is repeated soon: meanwhile events go to the default
    /// table.
    pub(crate) async fn keep_up(&self) {
        loop {
            let pause = match self.upkeep().await {
                Ok(_) => self.settings.upkeep_every(),
                Err(error) => {
                    tracing::warn!(source = self.source(), ?error, "upkeep of the event log failed");
                    self.settings.upkeep_every().min(std::time::Duration::from_secs(30))
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn add_days(&self) -> Result<i32, StoreError> {
        let mut tx = self.db.begin_plain().await?;
        // moving the events of a day out of the default table may take longer than a call's statement
        sqlx::query!("set local statement_timeout = '60s'").execute(&mut *tx).await?;
        let made = sqlx::query_scalar!(r#"select log_add_days($1) as "made!""#, DAYS_AHEAD).fetch_one(&mut *tx).await?;
        tx.commit().await?;
        Ok(made)
    }

    async fn drop_day(&self) -> Result<Option<String>, StoreError> {
        let mut tx = self.db.begin_plain().await?;
        let before = pg::real_clock(&mut tx).await? - Duration::days(self.settings.retention_days.into());
        let idle = i32::from(self.settings.reader_idle_days);
        let dropped = drop_day(&mut tx, before, idle).await?;
        tx.commit().await?;
        Ok(dropped)
    }
}

async fn drop_day(tx: &mut pg::Tx, before: OffsetDateTime, idle_days: i32) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar!("select log_drop_day($1, make_interval(days => $2))", before, idle_days)
        .fetch_one(&mut **tx)
        .await?;
    Ok(name)
}
