//! Users and their points before the sections, written straight into the tables, since a million calls would take hours. All
//! that levels keeps of an entry agrees: the account with its lots, the entries, the partition's totals. `VerifyLedger`
//! looks at it afterwards.

use std::collections::BTreeMap;

use ids::Partition;
use indicatif::ProgressBar;
use sqlx::{Connection as _, PgConnection};
use time::{Duration, OffsetDateTime};

use crate::programme::POINTS;
use crate::rig::{Rig, tenant};
use crate::section::{BUCKETS, BUCKETS_MANY, USERS_MANY};

/// Points of an entry.
const AMOUNT: i64 = 10_000;
/// Entries of a transaction, about.
const CHUNK: u64 = 100_000;

/// What some users get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    /// What the ids of the users begin with; their number follows.
    prefix: &'static str,
    users: u64,
    /// Entries that each user gets.
    entries: u64,
    /// Lots that they go into.
    buckets: u64,
    /// Days until the first lot lapses, a day before the next one: later than all that stand in the account already.
    first_days: i64,
}

impl Fill {
    /// Users `u0` and so on; each time with lots of their own.
    pub(crate) fn users(users: u64, entries: u64, time: usize) -> Self {
        Self { prefix: "u", users, entries, buckets: BUCKETS.min(entries), first_days: 400 + 20 * time as i64 }
    }

    /// Those with many buckets.
    pub(crate) fn many() -> Self {
        Self { prefix: "b", users: USERS_MANY, entries: BUCKETS_MANY, buckets: BUCKETS_MANY, first_days: 400 }
    }

    /// Entries in all.
    pub(crate) fn total(&self) -> u64 {
        self.users * self.entries
    }

    /// Writes it, and leaves the tables as after a while of use: known to the planner, and on disk.
    pub(crate) async fn write(self, rig: &Rig, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut database = rig.database().await?;
        let chunk = (CHUNK / self.entries.max(1)).max(1);
        for low in (0..self.users).step_by(usize::try_from(chunk)?) {
            let high = (low + chunk).min(self.users);
            self.some(&mut database, low, high).await?;
            bar.inc((high - low) * self.entries);
        }
        for table in ["profiles.profile", "levels.account", "levels.entry"] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("vacuum (analyze) {table}"))).execute(&mut database).await?;
        }
        sqlx::raw_sql("checkpoint").execute(&mut database).await?;
        Ok(database.close().await?)
    }

    /// Users from `low` to before `high`, in one transaction.
    async fn some(self, database: &mut PgConnection, low: u64, high: u64) -> anyhow::Result<()> {
        let users: Vec<String> = (low..high).map(|number| format!("{}{number}", self.prefix)).collect();
        let at = OffsetDateTime::now_utc();
        let mut tx = database.begin().await?;
        let opened = open(&mut tx, &users, at).await?;
        for sql in [ENTRIES, LOTS] {
            sqlx::query(sql)
                .bind(tenant()?.as_str())
                .bind(&users)
                .bind(POINTS)
                .bind(AMOUNT)
                .bind(at.replace_time(time::Time::MIDNIGHT) + Duration::days(self.first_days))
                .bind(i64::try_from(self.entries)?)
                .bind(i64::try_from(self.buckets)?)
                .bind(at)
                .execute(&mut *tx)
                .await?;
        }
        total(&mut tx, &users, &opened, i64::try_from(self.entries)? * AMOUNT).await?;
        Ok(tx.commit().await?)
    }
}

/// Entries after those that stand in the account, bucket by bucket in turn.
const ENTRIES: &str = "insert into levels.entry (tenant_id, user_id, point_type_id, entry_seq, kind, amount, balance_after,
        growth_change, contra, reason, rule_id, order_id, lot_expires_at, lot_origin, lot_points, shortfall, occurred_at,
        recorded_at)
    select a.tenant_id, a.user_id, a.point_type_id, a.entry_seq + n, 1, $4, b.balance + n * $4, $4, 'issued', '', '', '',
        array[$5 + make_interval(days => (n % $7)::int)], array[a.user_id], array[$4], 0, $8, $8
    from levels.account a
    cross join lateral (
        select coalesce(sum(points), 0)::bigint + a.held - a.debt as balance from unnest(a.lot_points) points
    ) b
    cross join generate_series(1, $6) n
    where a.tenant_id = $1 and a.user_id = any($2) and a.point_type_id = $3";

/// Their lots.
const LOTS: &str = "update levels.account a
    set entry_seq = a.entry_seq + $6, growth = a.growth + $6 * $4, last_decided_at = greatest(a.last_decided_at, $8),
        lot_expires_at = a.lot_expires_at || l.expires_at, lot_points = a.lot_points || l.points,
        lot_origin = a.lot_origin || array_fill(a.user_id, array[cardinality(l.points)]),
        next_expiry = least(a.next_expiry, l.expires_at[1])
    from (
        select array_agg(expires_at order by expires_at) as expires_at, array_agg(points order by expires_at) as points
        from (
            select $5 + make_interval(days => (n % $7)::int) as expires_at, count(*) * $4 as points
            from generate_series(1, $6) n group by 1
        ) lots
    ) l
    where a.tenant_id = $1 and a.user_id = any($2) and a.point_type_id = $3";

/// Makes the profiles and accounts that are not there yet, and says whose accounts those are.
async fn open(tx: &mut PgConnection, users: &[String], at: OffsetDateTime) -> anyhow::Result<Vec<String>> {
    sqlx::query(
        "insert into profiles.profile (tenant_id, user_id, create_time, update_time)
        select $1, u, $3, $3 from unnest($2::text[]) u on conflict do nothing",
    )
    .bind(tenant()?.as_str())
    .bind(users)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    let opened = sqlx::query_scalar(
        "insert into levels.account (tenant_id, user_id, point_type_id)
        select $1, u, $3 from unnest($2::text[]) u on conflict do nothing returning user_id",
    )
    .bind(tenant()?.as_str())
    .bind(users)
    .bind(POINTS)
    .fetch_all(&mut *tx)
    .await?;
    Ok(opened)
}

/// Adds to the totals of the users' partitions what each of them got, and the accounts that are new.
async fn total(tx: &mut PgConnection, users: &[String], opened: &[String], each: i64) -> anyhow::Result<()> {
    let mut totals: BTreeMap<i16, (i64, i64)> = BTreeMap::new();
    for user in users {
        totals.entry(partition(user)?).or_default().0 += each;
    }
    for user in opened {
        totals.entry(partition(user)?).or_default().1 += 1;
    }
    sqlx::query(
        "insert into levels.point_total as t (tenant_id, point_type_id, partition, contra, amount, accounts)
        select $1, $2, p, 'issued', m, n from unnest($3::smallint[], $4::bigint[], $5::bigint[]) k(p, m, n)
        on conflict on constraint point_total_pkey
        do update set amount = t.amount + excluded.amount, accounts = t.accounts + excluded.accounts",
    )
    .bind(tenant()?.as_str())
    .bind(POINTS)
    .bind(totals.keys().copied().collect::<Vec<_>>())
    .bind(totals.values().map(|total| total.0).collect::<Vec<_>>())
    .bind(totals.values().map(|total| total.1).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

fn partition(user: &str) -> anyhow::Result<i16> {
    Ok(i16::from(Partition::of(&tenant()?, user).index()))
}
