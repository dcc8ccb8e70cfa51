use std::collections::{BTreeMap, BTreeSet};

use ids::TenantId;
use pg::{StoreError, Tx};
use prost::Message;

use super::apply::Item;
use super::{Consume, Consumer, PullSource};

/// Why an event is set aside that was never tried.
const BEHIND: &str = "an earlier event of the user is set aside";

/// A tenant and a user of it, or the empty user.
pub(super) type UserKey = (TenantId, String);

/// An event to be set aside.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) item: Item,
    pub(super) reason: String,
    pub(super) attempts: i32,
}

impl Letter {
    pub(super) fn failed(item: &Item, reason: String) -> Self {
        Self { item: item.clone(), reason, attempts: 1 }
    }

    pub(super) fn behind(item: &Item) -> Self {
        Self { item: item.clone(), reason: BEHIND.to_owned(), attempts: 0 }
    }
}

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// The users among those of `events` who have events set aside. Needs the rights of the system.
    pub(super) async fn parked(
        &self,
        tx: &mut Tx,
        items: impl Iterator<Item = &Item> + Send,
    ) -> Result<BTreeSet<UserKey>, StoreError> {
        let users: BTreeSet<UserKey> = items.map(Item::user).collect();
        let (tenants, users): (Vec<&str>, Vec<&str>) = users.iter().map(|(t, u)| (t.as_str(), u.as_str())).unzip();
        let rows = sqlx::query!(
            "select distinct d.tenant_id, d.user_id
             from unnest($3::text[], $4::text[]) u(tenant_id, user_id)
             join dead_letter d on d.consumer = $1 and d.source = $2
                 and d.tenant_id = u.tenant_id and d.user_id = u.user_id",
            self.handler.name(),
            self.handler.source(),
            &tenants as _,
            &users as _,
        )
        .fetch_all(&mut **tx)
        .await?;
        let key = |tenant: String, user| Some((TenantId::new(tenant).ok()?, user));
        Ok(rows.into_iter().filter_map(|row| key(row.tenant_id, row.user_id)).collect())
    }

    /// How many events failed and are set aside. Needs the rights of the system.
    pub(super) async fn failed(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        let failed = sqlx::query_scalar!(
            r#"select count(*) as "failed!" from dead_letter where consumer = $1 and source = $2 and attempts > 0"#,
            self.handler.name(),
            self.handler.source(),
        );
        Ok(failed.fetch_one(&mut **tx).await?)
    }

    /// Sets events aside, tenant by tenant.
    pub(super) async fn park(&self, tx: &mut Tx, letters: &[Letter]) -> Result<(), StoreError> {
        let mut tenants: BTreeMap<&TenantId, Vec<&Letter>> = BTreeMap::new();
        for letter in letters {
            tenants.entry(&letter.item.tenant).or_default().push(letter);
        }
        for (tenant, letters) in tenants {
            tx.enter(tenant).await?;
            self.park_of(tx, tenant, &letters).await?;
        }
        Ok(())
    }

    async fn park_of(&self, tx: &mut Tx, tenant: &TenantId, letters: &[&Letter]) -> Result<(), StoreError> {
        let events = || letters.iter().map(|letter| &letter.item.event);
        let partitions: Vec<i16> = events().map(|event| i16::try_from(event.partition).unwrap_or(-1)).collect();
        let seqs: Vec<i64> = events().map(|event| event.seq).collect();
        let users: Vec<&str> = events().map(|event| event.user_id.as_str()).collect();
        let ids: Vec<&str> = events().map(|event| event.event_id.as_str()).collect();
        let roots: Vec<&str> = events().map(|event| event.root_event_id.as_str()).collect();
        let bodies: Vec<Vec<u8>> = events().map(Message::encode_to_vec).collect();
        let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
        let attempts: Vec<i32> = letters.iter().map(|letter| letter.attempts).collect();
        sqlx::query!(
            "insert into dead_letter (consumer, source, partition, seq, tenant_id, user_id, event_id, root_event_id,
                 event, reason, attempts, parked_at)
             select $1, $2, d.partition, d.seq, $3, d.user_id, d.event_id, d.root_event_id, d.event, d.reason,
                 d.attempts, clock_timestamp()
             from unnest($4::smallint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bytea[], $10::text[],
                 $11::int[]) d(partition, seq, user_id, event_id, root_event_id, event, reason, attempts)",
            self.handler.name(),
            self.handler.source(),
            tenant.as_str(),
            &partitions,
            &seqs,
            &users as _,
            &ids as _,
            &roots as _,
            &bodies,
            &reasons as _,
            &attempts,
        )
        .execute(&mut **tx)
        .await?;
        metrics::counter!("eventlog_dead_letters_total", &self.labels()).increment(letters.len() as u64);
        Ok(())
    }
}
