//! The catalogue of actions.

use std::collections::BTreeSet;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use units::text::LocalizedText;

use crate::domain::action::{Action, Ladder};

struct Row {
    action_id: String,
    display_name: Json<LocalizedText>,
    event_type: String,
    harmful: bool,
    value_note: String,
    ladder: Option<Json<Ladder>>,
    revision: i64,
}

impl TryFrom<Row> for Action {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: rows::key(row.action_id, "action_id")?,
            display_name: row.display_name.0,
            event_type: row.event_type,
            harmful: row.harmful,
            value_note: row.value_note,
            ladder: row.ladder.map(|it| it.0),
            revision: row.revision,
        })
    }
}

/// Holds an action, whether or not there is one, until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant: &TenantId, id: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('incentives.user_action/' || $1 || '/' || $2, 0))",
        tenant.as_str(),
        id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One action.
pub async fn read(conn: &mut PgConnection, tenant: &TenantId, id: &Key) -> Result<Option<Action>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select action_id, display_name as "display_name: Json<LocalizedText>", event_type, harmful, value_note,
            ladder as "ladder: Json<Ladder>", revision
        from user_action where tenant_id = $1 and action_id = $2"#,
        tenant.as_str(),
        id.as_str()
    )
    .fetch_optional(conn)
    .await?;
    row.map(Action::try_from).transpose()
}

/// Actions after an id, in byte order.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Action>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select action_id, display_name as "display_name: Json<LocalizedText>", event_type, harmful, value_note,
            ladder as "ladder: Json<Ladder>", revision
        from user_action where tenant_id = $1 and action_id > $2 order by action_id limit $3"#,
        tenant.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Action::try_from).collect()
}

/// Adds or replaces an action.
pub async fn write(conn: &mut PgConnection, tenant: &TenantId, it: &Action) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into user_action (tenant_id, action_id, display_name, event_type, harmful, value_note, ladder, revision)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict on constraint user_action_pkey do update set display_name = excluded.display_name,
            event_type = excluded.event_type, harmful = excluded.harmful, value_note = excluded.value_note,
            ladder = excluded.ladder, revision = excluded.revision",
        tenant.as_str(),
        it.id.as_str(),
        Json(&it.display_name) as _,
        it.event_type,
        it.harmful,
        it.value_note,
        it.ladder.as_ref().map(Json) as _,
        it.revision
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The event types of campaigns that were approved and are not over.
pub async fn campaign_events(conn: &mut PgConnection, tenant: &TenantId) -> Result<BTreeSet<String>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"select distinct v.definition ->> 'event_type' as "event_type!"
        from campaign c
        join campaign_turn t on t.tenant_id = $1 and t.campaign_id = c.campaign_id and t.turn = c.turn
        join campaign_version v on v.tenant_id = $1 and v.campaign_id = c.campaign_id and v.version = t.version
        where c.tenant_id = $1 and t.standing in (1, 2)"#,
        tenant.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Those of the actions for which a penalty was ever imposed.
pub async fn penalised(
    conn: &mut PgConnection,
    tenant: &TenantId,
    ids: &[&str],
) -> Result<BTreeSet<String>, StoreError> {
    let rows = sqlx::query_scalar!(
        r#"select k.id as "id!" from unnest($2::text[]) k(id)
        where exists (select from penalty p where p.tenant_id = $1 and p.action_id = k.id)"#,
        tenant.as_str(),
        ids as _
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().collect())
}
