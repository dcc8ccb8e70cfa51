use std::collections::BTreeMap;

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::profile::{Profile, Traits};
use crate::domain::spend::Spend;
use crate::domain::user::Snapshot;

struct Row {
    user_id: String,
    locale: String,
    zone: String,
    channel: String,
    registered_at: Option<OffsetDateTime>,
    attributes: Json<BTreeMap<String, String>>,
    orders: i64,
    net_spend_minor: i64,
    first_order_at: Option<OffsetDateTime>,
    last_order_at: Option<OffsetDateTime>,
    last_visit_at: Option<OffsetDateTime>,
    version: i64,
    create_time: OffsetDateTime,
    update_time: OffsetDateTime,
}

impl Row {
    fn with(self, aliases: &mut BTreeMap<String, Vec<String>>) -> Profile {
        let Self { locale, zone, channel, registered_at, version, create_time, update_time, .. } = self;
        Profile {
            aliases: aliases.remove(&self.user_id).unwrap_or_default(),
            user_id: self.user_id,
            traits: Traits { locale, zone, channel, registered_at, attributes: self.attributes.0 },
            spend: Spend {
                orders: self.orders,
                net: self.net_spend_minor,
                first_at: self.first_order_at,
                last_at: self.last_order_at,
            },
            last_visit_at: self.last_visit_at,
            version,
            create_time,
            update_time,
        }
    }
}

/// Whom each id means, as far as it means anybody: a user's own id that user, an alias its user.
pub(crate) async fn resolve(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<String, String>, StoreError> {
    let rows = sqlx::query!(
        r#"select user_id, coalesce(alias_of, user_id) as "canonical!"
        from profile where tenant_id = $1 and user_id = any($2)"#,
        tenant.as_str(),
        ids as _
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(|row| (row.user_id, row.canonical)).collect())
}

/// Adds users under ids that mean nobody yet, in key order. Answers those that were added; an id that another
/// transaction took in the meantime is left out.
pub(crate) async fn create(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<Vec<String>, StoreError> {
    let added = sqlx::query_scalar!(
        r#"insert into profile (tenant_id, user_id, create_time, update_time)
        select $1, u.id, at.time, at.time
        from unnest($2::text[]) u(id) cross join clock_timestamp() at(time)
        order by u.id collate "C"
        on conflict (tenant_id, user_id) do nothing
        returning user_id"#,
        tenant.as_str(),
        ids as _
    );
    Ok(added.fetch_all(conn).await?)
}

struct Summary {
    user_id: String,
    registered_at: Option<OffsetDateTime>,
    orders: i64,
    net_spend_minor: i64,
    first_order_at: Option<OffsetDateTime>,
    last_order_at: Option<OffsetDateTime>,
    last_visit_at: Option<OffsetDateTime>,
}

impl From<Summary> for (String, Snapshot) {
    fn from(row: Summary) -> Self {
        let spend = Spend {
            orders: row.orders,
            net: row.net_spend_minor,
            first_at: row.first_order_at,
            last_at: row.last_order_at,
        };
        (row.user_id, Snapshot { registered_at: row.registered_at, spend, last_visit_at: row.last_visit_at })
    }
}

/// The summaries of users, locked in key order until the transaction ends. An id that is an alias by now is left out.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<String, Snapshot>, StoreError> {
    let rows = sqlx::query_as!(
        Summary,
        "select user_id, registered_at, orders, net_spend_minor, first_order_at, last_order_at, last_visit_at
        from profile where tenant_id = $1 and user_id = any($2) and alias_of is null
        order by user_id for update",
        tenant.as_str(),
        ids as _
    );
    Ok(rows.fetch_all(conn).await?.into_iter().map(Into::into).collect())
}

/// Users by canonical id, with their aliases.
pub(crate) async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<String, Profile>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select user_id, locale, zone, channel, registered_at, attributes as "attributes: _", orders,
            net_spend_minor, first_order_at, last_order_at, last_visit_at, version, create_time, update_time
        from profile where tenant_id = $1 and user_id = any($2) and alias_of is null"#,
        tenant.as_str(),
        ids as _
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut aliases = aliases(conn, tenant, ids).await?;
    Ok(rows.into_iter().map(|row| (row.user_id.clone(), row.with(&mut aliases))).collect())
}

/// Users after an id, in byte order of their ids.
pub(crate) async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Profile>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select user_id, locale, zone, channel, registered_at, attributes as "attributes: _", orders,
            net_spend_minor, first_order_at, last_order_at, last_visit_at, version, create_time, update_time
        from profile where tenant_id = $1 and user_id > $2 and alias_of is null
        order by user_id limit $3"#,
        tenant.as_str(),
        after,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<&str> = rows.iter().map(|row| row.user_id.as_str()).collect();
    let mut aliases = aliases(conn, tenant, &ids).await?;
    Ok(rows.into_iter().map(|row| row.with(&mut aliases)).collect())
}

async fn aliases(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let rows = sqlx::query!(
        r#"select p.alias_of as "of!", p.user_id
        from unnest($2::text[]) u(id) join profile p on p.tenant_id = $1 and p.alias_of = u.id
        order by p.user_id"#,
        tenant.as_str(),
        ids as _
    );
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows.fetch_all(conn).await? {
        aliases.entry(row.of).or_default().push(row.user_id);
    }
    Ok(aliases)
}

/// Writes what callers set of a user, and the version and time of the change.
pub(crate) async fn update(conn: &mut PgConnection, tenant: &TenantId, profile: &Profile) -> Result<(), StoreError> {
    let Traits { locale, zone, channel, registered_at, attributes } = &profile.traits;
    sqlx::query!(
        "update profile set locale = $3, zone = $4, channel = $5, registered_at = $6, attributes = $7, version = $8,
            update_time = $9
        where tenant_id = $1 and user_id = $2",
        tenant.as_str(),
        profile.user_id,
        locale,
        zone,
        channel,
        *registered_at,
        Json(attributes) as _,
        profile.version,
        profile.update_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes an id that means nobody an alias. Says whether it was free.
pub(crate) async fn link(
    conn: &mut PgConnection,
    tenant: &TenantId,
    user_id: &str,
    alias: &str,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into profile (tenant_id, user_id, alias_of, create_time, update_time) values ($1, $2, $3, $4, $4)
        on conflict (tenant_id, user_id) do nothing",
        tenant.as_str(),
        alias,
        user_id,
        at
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Writes the summaries of users.
pub(crate) async fn summarise(
    conn: &mut PgConnection,
    tenant: &TenantId,
    users: &[(&str, Snapshot)],
) -> Result<(), StoreError> {
    if users.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = users.iter().map(|(id, _)| *id).collect();
    let orders: Vec<i64> = users.iter().map(|(_, user)| user.spend.orders).collect();
    let net: Vec<i64> = users.iter().map(|(_, user)| user.spend.net).collect();
    let first: Vec<_> = users.iter().map(|(_, user)| user.spend.first_at).collect();
    let last: Vec<_> = users.iter().map(|(_, user)| user.spend.last_at).collect();
    let visits: Vec<_> = users.iter().map(|(_, user)| user.last_visit_at).collect();
    sqlx::query!(
        "update profile p set orders = u.orders, net_spend_minor = u.net, first_order_at = u.first,
            last_order_at = u.last, last_visit_at = u.visit
        from unnest($2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
            u(id, orders, net, first, last, visit)
        where p.tenant_id = $1 and p.user_id = u.id",
        tenant.as_str(),
        &ids as _,
        &orders,
        &net,
        &first as _,
        &last as _,
        &visits as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes back users that this transaction added for nothing: every report about them was refused.
pub(crate) async fn delete(conn: &mut PgConnection, tenant: &TenantId, ids: &[&str]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!("delete from profile where tenant_id = $1 and user_id = any($2)", tenant.as_str(), ids as _)
        .execute(conn)
        .await?;
    Ok(())
}
