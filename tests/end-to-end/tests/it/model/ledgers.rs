//! What adds up however the events came: counters are the rows that they count, no budget, limit or stock is exceeded, and
//! what one service says of another's doing is what that did.

use sqlx::PgConnection;

use super::found::rows;
use super::world::World;

/// Each answers what does not add up, as text.
const AUDITS: [(&str, &str); 11] = [
    (
        "a campaign's figures are the sums of its grants",
        "select f::text from incentives.campaign_figures f cross join lateral (
            select count(*) as granted, count(*) filter (where fate <> 3 and taken_back <> amount) as standing,
                count(*) filter (where fate = 3) as refused, coalesce(sum(reserved), 0) as committed,
                coalesce(sum(reserved - cost + case when fate > 2 then cost else back end), 0) as released,
                coalesce(sum(case when fate = 2 then cost - back else 0 end), 0) as spent,
                count(*) filter (where coupon) as coupons, count(*) filter (where coupon and fate = 2) as coupons_used
            from (select g.*, taken_back * case when coupon then cost else 1 end as back
                from incentives.campaign_grant g
                where (g.tenant_id, g.campaign_id) = (f.tenant_id, f.campaign_id)) g) s
         where f.tenant_id = $1 and (f.granted, f.standing, f.refused, f.committed, f.released, f.spent, f.coupons, f.coupons_used)
            <> (s.granted, s.standing, s.refused, s.committed, s.released, s.spent, s.coupons, s.coupons_used)",
    ),
    (
        "no budget and no limit of grants is exceeded",
        "select f::text from incentives.campaign_figures f
            join incentives.campaign_version v on (v.tenant_id, v.campaign_id) = (f.tenant_id, f.campaign_id)
         where f.tenant_id = $1 and (f.committed - f.released > (v.definition ->> 'budget')::bigint
            or f.standing > nullif((v.definition ->> 'grants_max')::bigint, 0))",
    ),
    (
        "a user's count is the user's standing grants, and within the limit",
        "select u::text from incentives.campaign_use u cross join lateral (
            select count(*) as standing from incentives.campaign_grant g
            where (g.tenant_id, g.user_id, g.campaign_id) = (u.tenant_id, u.user_id, u.campaign_id)
                and u.bucket = any(g.buckets) and g.fate <> 3 and g.taken_back <> g.amount) s
         where u.tenant_id = $1 and (u.used <> s.standing or u.used > 2)",
    ),
    (
        "outcomes are counted as decided",
        "select campaign_id || ' ' || outcome from (
            select campaign_id, outcome, times from incentives.campaign_tally where tenant_id = $1
            union all
            select campaign_id, outcome, -count(*) from incentives.decision where tenant_id = $1 group by 1, 2) x
         group by campaign_id, outcome having sum(times) <> 0",
    ),
    (
        "coupons issued are rows, within the stock",
        "select s::text from incentives.coupon_stock s
            join incentives.coupon_template t on (t.tenant_id, t.template_id) = (s.tenant_id, s.template_id)
         where s.tenant_id = $1 and (s.issued > nullif((t.definition ->> 'stock')::bigint, 0) or s.issued <> (
            select count(*) from incentives.held_coupon h
            where (h.tenant_id, h.template_id) = (s.tenant_id, s.template_id)))",
    ),
    (
        "coupons of a user are rows",
        "select c::text from incentives.coupon_count c where c.tenant_id = $1 and c.claimed <> (
            select count(*) from incentives.held_coupon h
            where (h.tenant_id, h.user_id, h.template_id) = (c.tenant_id, c.user_id, c.template_id))",
    ),
    (
        "totals of points are the sums of entries",
        "select point_type_id || ' ' || contra from (
            select point_type_id, contra, sum(amount) as amount from levels.point_total where tenant_id = $1 group by 1, 2
            union all
            select point_type_id, contra, -sum(abs(amount)) from levels.entry where tenant_id = $1 group by 1, 2) x
         group by point_type_id, contra having sum(amount) <> 0",
    ),
    (
        "levels did with each reward what incentives thinks it did",
        "select coalesce(g::text, r::text) from (select * from incentives.campaign_grant where tenant_id = $1 and not coupon) g
            full join (select * from levels.reward where tenant_id = $1) r
                on (r.tenant_id, r.user_id, r.reward_id) = (g.tenant_id, g.user_id, g.gift_id)
         where r.state is distinct from g.fate or r.amount is distinct from g.amount
            or r.state = 2 and (r.revoked, r.taken_back) is distinct from (g.taken_back, g.taken_back)",
    ),
    (
        "points of campaigns are in the accounts",
        "select user_id from (
            select user_id, sum(amount) as points from levels.entry where tenant_id = $1 and point_type_id = 'bonus' group by 1
            union all
            select user_id, -sum(amount - taken_back) from incentives.campaign_grant
            where tenant_id = $1 and gift = 'bonus' and not coupon group by 1) x
         group by user_id having sum(points) <> 0",
    ),
    (
        "points are held for open checkouts alone",
        "select h::text from levels.hold h where h.tenant_id = $1 and h.state = 1 and not exists (
            select from incentives.checkout c where (c.tenant_id, c.user_id, c.hold_id) = (h.tenant_id, h.user_id, h.hold_id)
                and c.state = 1)",
    ),
    (
        "nothing was set aside, and no consumer stands still",
        "select what from (
            select 'levels ' || consumer || reason as what, tenant_id from levels.dead_letter
            union all select 'incentives ' || consumer || reason, tenant_id from incentives.dead_letter
            union all select 'feedback ' || consumer || reason, tenant_id from feedback.dead_letter) x where tenant_id = $1",
    ),
];

/// All that does not add up.
pub(crate) async fn faults(world: &World) -> Vec<String> {
    let mut conn = world.suite.database().admin("public").await;
    let mut faults = Vec::new();
    for (what, query) in AUDITS {
        for row in rows::<(String,)>(&mut conn, &world.tenant, query).await {
            faults.push(format!("not so: {what}: {}", row.0));
        }
    }
    let mut page = serde_json::json!({"pageSize": 1_000});
    loop {
        let answer =
            world.ask("levels.v1.PointsService/VerifyLedger", page.clone()).await.expect("the ledger is compared");
        let mismatches = answer["mismatches"].as_array().cloned().unwrap_or_default();
        faults.extend(mismatches.iter().map(|mismatch| format!("the ledger: {mismatch}")));
        match answer["nextPageToken"].as_str().unwrap_or_default() {
            "" => return faults,
            token => page["pageToken"] = token.into(),
        }
    }
}

/// A campaign's figures: granted, standing, refused, committed, released, spent, coupons, coupons used.
pub(crate) type Figures = [i64; 8];

/// The figures of all campaigns, as they stand.
pub(crate) async fn figures(conn: &mut PgConnection, tenant: &str) -> Vec<(String, Figures)> {
    let query =
        "select campaign_id, array[granted, standing, refused, committed, released, spent, coupons, coupons_used]
        from incentives.campaign_figures where tenant_id = $1";
    let rows = rows::<(String, Vec<i64>)>(conn, tenant, query).await;
    rows.into_iter().map(|(campaign, figures)| (campaign, figures.try_into().expect("eight"))).collect()
}

/// How often something was refused for want of a budget, of grants, or of stock.
pub(crate) async fn refused(conn: &mut PgConnection, tenant: &str, campaign: &'static str) -> i64 {
    let query = "select campaign_id, sum(times)::bigint from incentives.campaign_tally
        where tenant_id = $1 and outcome <> 1 group by 1";
    let found = rows::<(String, i64)>(conn, tenant, query).await;
    found.into_iter().find(|(of, _)| of == campaign).map_or(0, |(_, times)| times)
}
