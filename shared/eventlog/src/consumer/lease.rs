use std::time::Duration;

use ids::{PARTITIONS, Partition};
use pg::{StoreError, Tx};
use tokio::sync::watch;

use super::{Consume, Consumer, PullSource};

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Keeps this replica's share of the partitions up to date, for ever. A replica that cannot reach the database keeps
    /// what it had: it cannot apply anything either.
    pub(super) async fn keep_leases(&self, leased: &watch::Sender<Vec<Partition>>) {
        loop {
            match self.renew().await {
                Ok(mine) => {
                    leased.send_if_modified(|known| {
                        let changed = *known != mine;
                        *known = mine;
                        changed
                    });
                }
                Err(error) => {
                    let (consumer, source) = (self.handler.name(), self.handler.source());
                    tracing::warn!(consumer, source, ?error, "could not renew the leases of partitions");
                }
            }
            tokio::time::sleep(Duration::from_millis(self.settings.lease_ms / 4)).await;
        }
    }

    /// One sign of life: takes a fair share of the partitions, and frees what is more.
    pub(super) async fn renew(&self) -> Result<Vec<Partition>, StoreError> {
        let mut tx = self.log.db.begin_plain().await?;
        let replicas = self.sign_of_life(&mut tx).await?;
        let fair = u64::from(PARTITIONS).div_ceil(replicas.unsigned_abs().max(1));
        let mine = self.claim(&mut tx, fair).await?;
        self.free_but(&mut tx, &mine).await?;
        tx.commit().await?;
        let mut mine: Vec<_> = mine.into_iter().filter_map(|partition| Partition::new(partition.into())).collect();
        mine.sort_unstable();
        Ok(mine)
    }

    /// Gives everything back, so that others need not wait for it to expire.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        let mut tx = self.log.db.begin_plain().await?;
        sqlx::query!(
            "delete from consumer_replica where consumer = $1 and source = $2 and replica = $3",
            self.handler.name(),
            self.handler.source(),
            self.replica,
        )
        .execute(&mut *tx)
        .await?;
        self.free_but(&mut tx, &[]).await?;
        tx.commit().await
    }

    /// Says that this replica lives, and how many do.
    async fn sign_of_life(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        sqlx::query!(
            "insert into consumer_replica (consumer, source, replica, until)
             values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
             on conflict (consumer, source, replica) do update set until = excluded.until",
            self.handler.name(),
            self.handler.source(),
            self.replica,
            self.lease_s(),
        )
        .execute(&mut **tx)
        .await?;
        sqlx::query!(
            "delete from consumer_replica
             where consumer = $1 and source = $2 and until < clock_timestamp() - interval '1 day'",
            self.handler.name(),
            self.handler.source(),
        )
        .execute(&mut **tx)
        .await?;
        let living = sqlx::query_scalar!(
            r#"select count(*) as "living!" from consumer_replica
               where consumer = $1 and source = $2 and until > clock_timestamp()"#,
            self.handler.name(),
            self.handler.source(),
        );
        Ok(living.fetch_one(&mut **tx).await?)
    }

    /// Renews what is held and takes what is free, up to `fair`.
    async fn claim(&self, tx: &mut Tx, fair: u64) -> Result<Vec<i16>, StoreError> {
        sqlx::query!(
            "insert into consumer_lease (consumer, source, partition, replica, until)
             select $1, $2, p, '', to_timestamp(0) from generate_series(0, $3::int - 1) p
             on conflict (consumer, source, partition) do nothing",
            self.handler.name(),
            self.handler.source(),
            i32::from(PARTITIONS),
        )
        .execute(&mut **tx)
        .await?;
        let mine = sqlx::query_scalar!(
            "with mine as (
                select partition from consumer_lease
                where consumer = $1 and source = $2 and (replica = $3 or until < clock_timestamp())
                order by (replica = $3) desc, partition limit $4
                for update skip locked
            )
            update consumer_lease l set replica = $3, until = clock_timestamp() + make_interval(secs => $5)
            from mine
            where l.consumer = $1 and l.source = $2 and l.partition = mine.partition
            returning l.partition",
            self.handler.name(),
            self.handler.source(),
            self.replica,
            i64::try_from(fair).unwrap_or(i64::MAX),
            self.lease_s(),
        );
        Ok(mine.fetch_all(&mut **tx).await?)
    }

    async fn free_but(&self, tx: &mut Tx, kept: &[i16]) -> Result<(), StoreError> {
        sqlx::query!(
            "update consumer_lease set replica = '', until = to_timestamp(0)
             where consumer = $1 and source = $2 and replica = $3 and partition <> all($4)",
            self.handler.name(),
            self.handler.source(),
            self.replica,
            kept,
        )
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    fn lease_s(&self) -> f64 {
        Duration::from_millis(self.settings.lease_ms).as_secs_f64()
    }
}
