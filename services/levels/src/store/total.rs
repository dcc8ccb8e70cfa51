//! What stands against all accounts of a tenant, and whether everything adds up.

use std::collections::BTreeMap;

use ids::{Partition, TenantId};
use pg::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::book::{AccountKey, Programme};
use crate::domain::entry::Entry;

/// Where an entry counts: point type, month, who bears the cost and who pays, partition, contra account; in the order in
/// which the rows are locked.
type Place<'a> = (&'a str, String, &'a str, i32, i16, &'a str);

/// Adds entries to the totals of their partitions, months, cost centres and funders, in one statement and in key order.
pub async fn add(
    conn: &mut PgConnection,
    tenant: &TenantId,
    programme: &Programme,
    entries: &[(&AccountKey, &Entry)],
) -> Result<(), StoreError> {
    let mut sums: BTreeMap<Place<'_>, (i64, i64, i64)> = BTreeMap::new();
    for ((user, point_type), entry) in entries {
        let partition = i16::from(Partition::of(tenant, user.as_str()).index());
        let month =
            programme.types.get(point_type).map(|it| it.zone.month_of(entry.effective_at())).unwrap_or_default();
        let (centre, funder) = (entry.origin.cost_centre.as_str(), entry.origin.funder);
        let place = (point_type.as_str(), month, centre, funder, partition, entry.contra());
        let sum = sums.entry(place).or_default();
        sum.0 += entry.amount.abs();
        sum.1 += i64::from(entry.seq == 1);
        sum.2 += entry.pending;
    }
    sums.retain(|_, sum| *sum != (0, 0, 0));
    if sums.is_empty() {
        return Ok(());
    }
    let point_types: Vec<&str> = sums.keys().map(|key| key.0).collect();
    let months: Vec<&str> = sums.keys().map(|key| key.1.as_str()).collect();
    let centres: Vec<&str> = sums.keys().map(|key| key.2).collect();
    let funders: Vec<i32> = sums.keys().map(|key| key.3).collect();
    let partitions: Vec<i16> = sums.keys().map(|key| key.4).collect();
    let contras: Vec<&str> = sums.keys().map(|key| key.5).collect();
    let amounts: Vec<i64> = sums.values().map(|sum| sum.0).collect();
    let accounts: Vec<i64> = sums.values().map(|sum| sum.1).collect();
    let pending: Vec<i64> = sums.values().map(|sum| sum.2).collect();
    sqlx::query!(
        "insert into point_total as t (tenant_id, point_type_id, month, cost_centre, funder, partition, contra, amount,
            accounts, pending)
        select $1, k.point_type_id, k.month, k.cost_centre, k.funder, k.partition, k.contra, k.amount, k.accounts, k.pending
        from unnest($2::text[], $3::text[], $4::text[], $5::integer[], $6::smallint[], $7::text[], $8::bigint[],
            $9::bigint[], $10::bigint[]) with ordinality
            k(point_type_id, month, cost_centre, funder, partition, contra, amount, accounts, pending, ord)
        order by k.ord
        on conflict on constraint point_total_pkey
        do update set amount = t.amount + excluded.amount, accounts = t.accounts + excluded.accounts,
            pending = t.pending + excluded.pending",
        tenant.as_str(),
        &point_types as _,
        &months as _,
        &centres as _,
        &funders,
        &partitions,
        &contras as _,
        &amounts,
        &accounts,
        &pending
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Totals of one point type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circulation {
    /// Ever given.
    pub issued: i64,
    /// Ever used.
    pub redeemed: i64,
    /// Lapsed by the time asked for, booked or not.
    pub expired: i64,
    /// Taken back.
    pub reversed: i64,
    /// Taken off at level ends.
    pub adjusted: i64,
    /// Given back after they were used.
    pub returned: i64,
    /// Added by hand.
    pub added: i64,
    /// Taken by hand.
    pub taken: i64,
    /// Brought along from elsewhere.
    pub opened: i64,
    /// Moved from user to user.
    pub transferred: i64,
    /// Accounts with at least one entry.
    pub accounts: i64,
}

impl Circulation {
    /// What users can still use; what was moved from user to user is still there.
    pub fn in_circulation(&self) -> i64 {
        self.issued + self.returned + self.added + self.opened
            - self.redeemed
            - self.expired
            - self.reversed
            - self.adjusted
            - self.taken
    }
}

/// Totals as if it were `at`, by the entries known now; one statement, so that they belong together. What a hold keeps has
/// not lapsed before the hold ends; of what comes free later, debt and reversals take their part first.
pub async fn circulation(
    conn: &mut PgConnection,
    tenant: &TenantId,
    point_type: &str,
    at: OffsetDateTime,
) -> Result<Circulation, StoreError> {
    let row = sqlx::query!(
        r#"select
            coalesce(sum(amount) filter (where contra = 'issued'), 0)::bigint as "issued!",
            coalesce(sum(amount) filter (where contra = 'redeemed'), 0)::bigint as "redeemed!",
            coalesce(sum(amount) filter (where contra = 'expired'), 0)::bigint as "expired!",
            coalesce(sum(amount) filter (where contra = 'reversed'), 0)::bigint as "reversed!",
            coalesce(sum(amount) filter (where contra = 'adjusted'), 0)::bigint as "adjusted!",
            coalesce(sum(amount) filter (where contra = 'returned'), 0)::bigint as "returned!",
            coalesce(sum(amount) filter (where contra = 'added'), 0)::bigint as "added!",
            coalesce(sum(amount) filter (where contra = 'taken'), 0)::bigint as "taken!",
            coalesce(sum(amount) filter (where contra = 'opened'), 0)::bigint as "opened!",
            coalesce(sum(amount) filter (where contra = 'sent'), 0)::bigint as "transferred!",
            coalesce(sum(accounts), 0)::bigint as "accounts!",
            (
                select coalesce(sum(u.amount), 0)::bigint from unbooked($1, $2, $3) u
                where u.contra = 'expired' and u.happened_at <= $3
            ) as "unbooked!",
            (
                select coalesce(sum(-e.amount), 0)::bigint
                from entry e
                where e.tenant_id = $1 and e.point_type_id = $2 and e.kind = 3 and e.occurred_at > $3
            ) as "booked_later!"
        from point_total where tenant_id = $1 and point_type_id = $2"#,
        tenant.as_str(),
        point_type,
        at
    )
    .fetch_one(conn)
    .await?;
    Ok(Circulation {
        issued: row.issued,
        redeemed: row.redeemed,
        expired: row.expired + row.unbooked - row.booked_later,
        reversed: row.reversed,
        adjusted: row.adjusted,
        returned: row.returned,
        added: row.added,
        taken: row.taken,
        opened: row.opened,
        transferred: row.transferred,
        accounts: row.accounts,
    })
}

/// The figures of one account that must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The user.
    pub user_id: String,
    /// The point type.
    pub point_type_id: String,
    /// Number of the last entry, as the account says.
    pub entry_seq: i64,
    /// Entries there are.
    pub entries: i64,
    /// Their sum.
    pub entries_sum: i64,
    /// Sum of lots, with those that open holds keep and what is pending, less debt.
    pub lots_sum: i64,
    /// What is held, as the account says.
    pub held: i64,
    /// What is held, as its open holds say.
    pub holds_sum: i64,
    /// The last entry's running balance.
    pub last_balance: i64,
    /// Sum of the entries' growth changes.
    pub growth_sum: i64,
    /// The account's growth.
    pub growth: i64,
}

impl Audit {
    /// Whether they agree.
    pub fn agrees(&self) -> bool {
        self.entry_seq == self.entries
            && self.entries_sum == self.lots_sum
            && self.last_balance == self.entries_sum
            && self.growth_sum == self.growth
            && self.held == self.holds_sum
    }
}

/// The figures of accounts after a key, in key order.
pub async fn audit(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<Audit>, StoreError> {
    let rows = sqlx::query_as!(
        Audit,
        r#"with asked as (
            select user_id, point_type_id, entry_seq, growth, debt, lot_points, pending_points, held
            from account
            where tenant_id = $1 and (user_id, point_type_id) > ($2, $3)
            order by user_id, point_type_id limit $4
        )
        select a.user_id, a.point_type_id, a.entry_seq, e.entries as "entries!", e.amount as "entries_sum!",
            (select coalesce(sum(l.points), 0)::bigint from unnest(a.lot_points || a.pending_points) l(points)) + h.points
                - a.debt as "lots_sum!",
            a.held, h.points as "holds_sum!",
            coalesce((
                select l.balance_after from entry l
                where l.tenant_id = $1 and l.user_id = a.user_id and l.point_type_id = a.point_type_id
                order by l.entry_seq desc limit 1
            ), 0) as "last_balance!",
            e.growth as "growth_sum!", a.growth
        from asked a, lateral (
            select count(*) as entries, coalesce(sum(n.amount), 0)::bigint as amount,
                coalesce(sum(n.growth_change), 0)::bigint as growth
            from entry n
            where n.tenant_id = $1 and n.user_id = a.user_id and n.point_type_id = a.point_type_id
        ) e, lateral (
            select coalesce(sum(l.points), 0)::bigint as points
            from hold n, lateral unnest(n.lot_points) l(points)
            where n.tenant_id = $1 and n.user_id = a.user_id and n.point_type_id = a.point_type_id and n.state = 1
        ) h
        order by a.user_id, a.point_type_id"#,
        tenant.as_str(),
        after.0,
        after.1,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
