//! Where users stand, read from the tables of the four services.

use std::collections::BTreeMap;

use end_to_end::harness::Suite;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

use super::orders::Returned;
use super::plain::{Gift, Standing};
use super::programme::OWN;

type Standings = BTreeMap<String, Standing>;

/// Where every user of a tenant stands; amounts in yuan, as in histories.
pub(crate) async fn standings(suite: &Suite, tenant: &str) -> Standings {
    let mut found = Standings::new();
    let mut conn = suite.database().admin("profiles").await;
    let conn = &mut conn;
    for (user, orders, net) in rows::<(String, i64, i64)>(
        conn,
        tenant,
        "select user_id, orders, net_spend_minor / 100 from profiles.profile where tenant_id = $1 and alias_of is null",
    )
    .await
    {
        found.entry(user).or_default().spend = (orders, net);
    }
    for (user, of, sum) in rows::<(String, String, i64)>(
        conn,
        tenant,
        "select user_id, point_type_id, sum(amount)::bigint from levels.entry
         where tenant_id = $1 and point_type_id <> 'bonus' group by 1, 2 having sum(amount) <> 0",
    )
    .await
    {
        found.entry(user).or_default().entries.insert(of, sum);
    }
    for (user, rank) in
        rows::<(String, i16)>(conn, tenant, "select user_id, rank from levels.member where tenant_id = $1").await
    {
        found.entry(user).or_default().rank = rank.into();
    }
    orders_back(conn, tenant, &mut found).await;
    checkouts(conn, tenant, &mut found).await;
    gifts(conn, tenant, &mut found).await;
    cases(conn, tenant, &mut found).await;
    found
}

async fn orders_back(conn: &mut PgConnection, tenant: &str, found: &mut Standings) {
    type Row = (String, String, i64, i64, bool);
    let returned =
        |refunded: i64, total: i64, cancelled| Returned { refunded: refunded / 100, total: total / 100, cancelled };
    let query = "select user_id, order_id, refunded_minor, total_minor, cancelled from levels.order_reversal where tenant_id = $1";
    for (user, order, refunded, total, cancelled) in rows::<Row>(conn, tenant, query).await {
        let to = &mut found.entry(user).or_default().returned_to_levels;
        to.insert(order, returned(refunded, total, cancelled));
    }
    let query = "select user_id, order_id, refunded_minor, total_minor, cancelled from incentives.order_return where tenant_id = $1";
    for (user, order, refunded, total, cancelled) in rows::<Row>(conn, tenant, query).await {
        let to = &mut found.entry(user).or_default().returned_to_incentives;
        to.insert(order, returned(refunded, total, cancelled));
    }
}

async fn checkouts(conn: &mut PgConnection, tenant: &str, found: &mut Standings) {
    let query = "select c.user_id, c.checkout_id, c.state, h.state, h.captured, h.given_back
        from incentives.checkout c left join levels.hold h
            on (h.tenant_id, h.user_id, h.hold_id) = (c.tenant_id, c.user_id, c.hold_id)
        where c.tenant_id = $1";
    type Row = (String, String, i16, Option<i16>, Option<i64>, Option<i64>);
    for (user, checkout, state, hold, captured, given_back) in rows::<Row>(conn, tenant, query).await {
        let standing = found.entry(user).or_default();
        if let (Some(hold), Some(captured), Some(given_back)) = (hold, captured, given_back) {
            standing.holds.insert(checkout.clone(), (hold, captured, given_back));
        }
        standing.checkouts.insert(checkout, state);
    }
    let query = "select user_id, template_id, state from incentives.held_coupon
        where tenant_id = $1 and template_id <> 'rare' order by user_id, template_id, state";
    for (user, template, state) in rows::<(String, String, i16)>(conn, tenant, query).await {
        found.entry(user).or_default().coupons.entry(template).or_default().push(state);
    }
}

/// What a reward that levels refused had been taken back before nobody can tell afterwards: it counts as nothing.
async fn gifts(conn: &mut PgConnection, tenant: &str, found: &mut Standings) {
    let query = "select user_id, campaign_id, amount, cost, case fate when 3 then 0 else taken_back end, fate
        from incentives.campaign_grant where tenant_id = $1 order by 1, 2, 3, 4, 5, 6";
    type Row = (String, String, i64, i64, i64, i16);
    for (user, campaign, amount, cost, taken_back, fate) in rows::<Row>(conn, tenant, query).await {
        if OWN.contains(&campaign.as_str()) {
            let gifts = &mut found.entry(user).or_default().gifts;
            gifts.entry(campaign).or_default().push(Gift { amount, cost, taken_back, fate });
        }
    }
}

async fn cases(conn: &mut PgConnection, tenant: &str, found: &mut Standings) {
    let query = "select user_id, net_spend_minor / 100, rank from feedback.case_standing where tenant_id = $1";
    for (user, net, rank) in rows::<(String, i64, i16)>(conn, tenant, query).await {
        found.entry(user).or_default().worth = (net, rank.into());
    }
    let query = "select c.user_id, c.case_id, c.state, c.attempt, (select count(*) from feedback.case_rating r
            where (r.tenant_id, r.user_id, r.case_id) = (c.tenant_id, c.user_id, c.case_id))
        from feedback.feedback_case c where c.tenant_id = $1";
    for (user, case, state, attempt, ratings) in rows::<(String, String, i16, i32, i64)>(conn, tenant, query).await {
        found.entry(user).or_default().cases.insert(case, (state, attempt.into(), ratings));
    }
}

/// The rows of a statement about one tenant.
pub(crate) async fn rows<T>(conn: &mut PgConnection, tenant: &str, query: &'static str) -> Vec<T>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as(query).bind(tenant).fetch_all(conn).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}
