use std::time::Duration;

use pg::StoreError;
use proto::common::v1 as pb;
use tokio::time::Instant;

use crate::Log;

/// A consumer in another process moves its cursor without waking this one.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// This service has not come as far as asked.
#[derive(Debug, thiserror::Error)]
pub enum NotReached {
    /// The time passed first.
    #[error("the service has not applied event {} of partition {} of {}", .0.seq, .0.partition, .0.source)]
    Late(pb::Position),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Log {
    /// Waits until what this service reads shows the effects of these positions: at once for its own, which are
    /// committed; for those of another service's log until its consumers have come so far. A log that it does not
    /// consume has no effects here.
    pub async fn wait_for(&self, positions: &[pb::Position], max: Duration) -> Result<(), NotReached> {
        let wanted: Vec<&pb::Position> = positions.iter().filter(|position| position.source != self.source()).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + max;
        let mut applied = self.applied.subscribe();
        loop {
            applied.borrow_and_update();
            let Some(missing) = self.not_applied(&wanted).await? else { return Ok(()) };
            if Instant::now() >= deadline {
                return Err(NotReached::Late(missing));
            }
            let look_again = Instant::now() + LOOK_EVERY;
            tokio::select! {
                _ = applied.changed() => {}
                () = tokio::time::sleep_until(look_again.min(deadline)) => {}
            }
        }
    }

    /// Whether this service has a consumer of a log.
    pub(crate) async fn consumes(&self, source: &str) -> Result<bool, StoreError> {
        if self.hosted().iter().any(|consumer| consumer.source() == source) {
            return Ok(true);
        }
        let mut tx = self.db.begin_plain().await?;
        let query = sqlx::query_scalar!(
            r#"select exists (select 1 from consumer_cursor where source = $1) as "consumes!""#,
            source
        );
        let consumes = query.fetch_one(&mut *tx).await?;
        tx.rollback().await?;
        Ok(consumes)
    }

    /// One of the positions that a consumer of this service has not reached.
    pub(crate) async fn not_applied(&self, wanted: &[&pb::Position]) -> Result<Option<pb::Position>, StoreError> {
        let sources: Vec<&str> = wanted.iter().map(|position| position.source.as_str()).collect();
        let partitions: Vec<i16> = wanted.iter().map(|p| i16::try_from(p.partition).unwrap_or(-1)).collect();
        let seqs: Vec<i64> = wanted.iter().map(|position| position.seq).collect();
        let hosted = self.hosted();
        let names: Vec<&str> = hosted.iter().map(|consumer| consumer.name()).collect();
        let of: Vec<&str> = hosted.iter().map(|consumer| consumer.source()).collect();
        let mut tx = self.db.begin_plain().await?;
        let missing = sqlx::query_scalar!(
            r#"with consumer as (
                select h.consumer, h.source from unnest($4::text[], $5::text[]) h(consumer, source)
                union
                select c.consumer, c.source from consumer_cursor c where c.source = any($1)
            )
            select w.ord as "ord!"
            from unnest($1::text[], $2::smallint[], $3::bigint[]) with ordinality w(source, partition, seq, ord)
            join consumer r on r.source = w.source
            left join consumer_cursor c
                on c.consumer = r.consumer and c.source = w.source and c.partition = w.partition
            where coalesce(c.seq, 0) < w.seq
            limit 1"#,
            &sources as _,
            &partitions,
            &seqs,
            &names as _,
            &of as _,
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.rollback().await?;
        let at = |ord: i64| wanted.get(usize::try_from(ord - 1).ok()?).map(|position| (*position).clone());
        Ok(missing.and_then(at))
    }
}
