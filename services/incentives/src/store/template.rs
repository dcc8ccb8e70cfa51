//! Coupon templates, all versions, and what was issued of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::choice::Templates;
use crate::domain::template::{Distribution, Template};

/// Automatic templates looked at for a basket, in byte order of their ids.
const AUTOMATIC_MAX: i64 = 200;

/// Makes sure that a template has a row to be serialised on.
pub async fn open(
    conn: &mut PgConnection,
    tenant: &TenantId,
    template_id: &Key,
    distribution: Distribution,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into coupon_stock (tenant_id, template_id, version, distribution) values ($1, $2, 0, $3)
        on conflict on constraint coupon_stock_pkey do nothing",
        tenant.as_str(),
        template_id.as_str(),
        distribution.code()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks those of the templates that there are, in key order.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, ids: &[&str]) -> Result<(), StoreError> {
    sqlx::query!(
        "select template_id from coupon_stock where tenant_id = $1 and template_id = any($2)
        order by template_id for no key update",
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// The newest versions of those of the templates that there are, with the number of coupons ever issued.
pub async fn newest(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<Key, (Template, i64)>, StoreError> {
    let found = sqlx::query!(
        r#"select s.template_id, s.issued, t.definition as "definition: Json<Template>"
        from coupon_stock s
        join coupon_template t
            on t.tenant_id = $1 and t.template_id = s.template_id and t.version = s.version
        where s.tenant_id = $1 and s.template_id = any($2)"#,
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    found
        .into_iter()
        .map(|row| Ok((rows::key(row.template_id, "template_id")?, (row.definition.0, row.issued))))
        .collect()
}

/// Adds a version, which is the newest from now on. The template's row is locked.
pub async fn publish(conn: &mut PgConnection, tenant: &TenantId, it: &Template) -> Result<(), StoreError> {
    sqlx::query!(
        "with published as (
            insert into coupon_template (tenant_id, template_id, version, definition) values ($1, $2, $3, $4)
        )
        update coupon_stock set version = $3, distribution = $5 where tenant_id = $1 and template_id = $2",
        tenant.as_str(),
        it.template_id,
        it.version,
        Json(it) as _,
        it.distribution.code()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest versions after an id, in byte order, with the number of coupons ever issued; of one distribution or of all.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    distribution: Option<Distribution>,
    after: &str,
    limit: i64,
) -> Result<Vec<(Template, i64)>, StoreError> {
    let found = sqlx::query!(
        r#"select s.issued, t.definition as "definition: Json<Template>"
        from coupon_stock s
        join coupon_template t
            on t.tenant_id = $1 and t.template_id = s.template_id and t.version = s.version
        where s.tenant_id = $1 and s.template_id > $2 and ($3::smallint is null or s.distribution = $3)
        order by s.template_id limit $4"#,
        tenant.as_str(),
        after,
        distribution.map(Distribution::code),
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|row| (row.definition.0, row.issued)).collect())
}

/// Promotions, in byte order of their ids.
pub async fn automatic(conn: &mut PgConnection, tenant: &TenantId) -> Result<Vec<Template>, StoreError> {
    let found = list(conn, tenant, Some(Distribution::Automatic), "", AUTOMATIC_MAX).await?;
    Ok(found.into_iter().map(|(template, _)| template).collect())
}

/// Versions by id and version.
pub async fn versions(
    conn: &mut PgConnection,
    tenant: &TenantId,
    wanted: impl IntoIterator<Item = (&str, i32)>,
) -> Result<Templates, StoreError> {
    let (ids, versions): (Vec<&str>, Vec<i32>) = wanted.into_iter().unzip();
    if ids.is_empty() {
        return Ok(Templates::new());
    }
    let found = sqlx::query!(
        r#"select template_id, version, definition as "definition: Json<Template>"
        from coupon_template
        where tenant_id = $1
            and (template_id, version) in (select w.t, w.v from unnest($2::text[], $3::integer[]) w(t, v))"#,
        tenant.as_str(),
        &ids as _,
        &versions
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(|row| ((row.template_id, row.version), Arc::new(row.definition.0))).collect())
}

/// Adds to the number of coupons ever issued of locked templates, in one statement however many were issued.
pub async fn add_issued(
    conn: &mut PgConnection,
    tenant: &TenantId,
    issued: &BTreeMap<Key, i64>,
) -> Result<(), StoreError> {
    let (ids, counts): (Vec<&str>, Vec<i64>) = issued.iter().map(|(id, count)| (id.as_str(), *count)).unzip();
    sqlx::query!(
        "update coupon_stock s set issued = s.issued + n.count
        from unnest($2::text[], $3::bigint[]) n(template_id, count)
        where s.tenant_id = $1 and s.template_id = n.template_id",
        tenant.as_str(),
        &ids as _,
        &counts
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that timers have something to do for the tenant.
pub async fn register_tenant(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into coupon_tenant (tenant_id) values ($1) on conflict on constraint coupon_tenant_pkey do nothing",
        tenant.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The tenants after an id that timers go through.
pub async fn tenants(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<TenantId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select tenant_id from coupon_tenant where tenant_id > $1 order by tenant_id limit $2",
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    ids.into_iter().map(|id| TenantId::new(id).map_err(|_| rows::unreadable("tenant_id"))).collect()
}
