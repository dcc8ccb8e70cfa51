use std::collections::BTreeMap;
use std::sync::PoisonError;

use futures::FutureExt;
use futures::future::BoxFuture;
use ids::TenantId;
use pg::{StoreError, Tx};
use prost::Message;
use proto::events::v1::Event;

use super::apply::Item;
use super::{Consume, Consumer, PullSource};

/// What a replay of a user's events did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Replayed {
    pub(crate) applied: i64,
    pub(crate) remaining: i64,
    /// Why the first of them failed again; empty where none did.
    pub(crate) reason: String,
}

/// A consumer that runs in this process, whatever its handler.
pub(crate) trait Hosted: Send + Sync {
    fn name(&self) -> &'static str;

    fn source(&self) -> &'static str;

    /// The newest event of each partition as last seen.
    fn heads(&self) -> BTreeMap<i32, i64>;

    /// Applies a user's events that were set aside, in order, up to the first that fails again.
    fn replay<'a>(&'a self, tenant: &'a TenantId, user: &'a str) -> BoxFuture<'a, Result<Replayed, StoreError>>;
}

impl<H: Consume, S: PullSource> Hosted for Consumer<H, S> {
    fn name(&self) -> &'static str {
        self.handler.name()
    }

    fn source(&self) -> &'static str {
        self.handler.source()
    }

    fn heads(&self) -> BTreeMap<i32, i64> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replay<'a>(&'a self, tenant: &'a TenantId, user: &'a str) -> BoxFuture<'a, Result<Replayed, StoreError>> {
        self.replay_user(tenant, user).boxed()
    }
}

/// The first of a user's events that are set aside.
struct First {
    seq: i64,
    event: Vec<u8>,
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    async fn replay_user(&self, tenant: &TenantId, user: &str) -> Result<Replayed, StoreError> {
        let mut done = Replayed::default();
        loop {
            // one transaction each: what was applied stays applied when a later one fails
            let mut tx = self.log.db.begin(tenant).await?;
            self.hold_cursor(&mut tx, tenant, user).await?;
            let Some(first) = self.first(&mut tx, tenant, user).await? else { return Ok(done) };
            let outcome = match Event::decode(first.event.as_slice()) {
                Ok(event) => self.apply_one(&mut tx, &Item { tenant: tenant.clone(), event }).await?,
                Err(_) => Err("the event set aside cannot be read".to_owned()),
            };
            match outcome {
                Ok(positions) => {
                    self.clear(&mut tx, tenant, user, first.seq).await?;
                    tx.commit().await?;
                    self.log.wake(&positions);
                    done.applied += 1;
                }
                Err(reason) => {
                    self.failed_again(&mut tx, tenant, user, first.seq, &reason).await?;
                    done.remaining = self.count(&mut tx, tenant, user).await?;
                    tx.commit().await?;
                    done.reason = reason;
                    return Ok(done);
                }
            }
        }
    }

    /// Keeps the consumer from applying or setting aside events of the user's partition meanwhile.
    async fn hold_cursor(&self, tx: &mut Tx, tenant: &TenantId, user: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "select seq from consumer_cursor where consumer = $1 and source = $2 and partition = $3 for update",
            self.handler.name(),
            self.handler.source(),
            i16::from(ids::Partition::of(tenant, user).index()),
        )
        .fetch_optional(&mut **tx)
        .await?;
        Ok(())
    }

    async fn first(&self, tx: &mut Tx, tenant: &TenantId, user: &str) -> Result<Option<First>, StoreError> {
        let first = sqlx::query_as!(
            First,
            "select seq, event from dead_letter
             where consumer = $1 and source = $2 and tenant_id = $3 and user_id = $4 order by seq limit 1",
            self.handler.name(),
            self.handler.source(),
            tenant.as_str(),
            user,
        );
        Ok(first.fetch_optional(&mut **tx).await?)
    }

    async fn clear(&self, tx: &mut Tx, tenant: &TenantId, user: &str, seq: i64) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from dead_letter
             where consumer = $1 and source = $2 and tenant_id = $3 and user_id = $4 and seq = $5",
            self.handler.name(),
            self.handler.source(),
            tenant.as_str(),
            user,
            seq,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn failed_again(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        user: &str,
        seq: i64,
        reason: &str,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update dead_letter set attempts = attempts + 1, reason = $6
             where consumer = $1 and source = $2 and tenant_id = $3 and user_id = $4 and seq = $5",
            self.handler.name(),
            self.handler.source(),
            tenant.as_str(),
            user,
            seq,
            reason,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    async fn count(&self, tx: &mut Tx, tenant: &TenantId, user: &str) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from dead_letter
               where consumer = $1 and source = $2 and tenant_id = $3 and user_id = $4"#,
            self.handler.name(),
            self.handler.source(),
            tenant.as_str(),
            user,
        );
        Ok(count.fetch_one(&mut **tx).await?)
    }
}
