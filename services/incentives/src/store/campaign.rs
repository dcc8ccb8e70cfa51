//! Campaigns, their versions and turns, and what holds for all of them.

use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::StoreError;
use service::rows;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use crate::domain::campaign::{Definition, Setting, Standing, Turn};

/// The newest version of a campaign, and its last turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Its id.
    pub id: Key,
    /// The newest version.
    pub version: i32,
    /// What that says.
    pub definition: Definition,
    /// Who saved it.
    pub author: String,
    /// When.
    pub save_time: OffsetDateTime,
    /// The last turn; `None`: a draft.
    pub turn: Option<Turn>,
    /// What the version of that turn says.
    pub approved: Option<Definition>,
}

struct Row {
    campaign_id: String,
    version: i32,
    definition: Json<Definition>,
    author: String,
    save_time: OffsetDateTime,
    turn: Option<i32>,
    turn_version: Option<i32>,
    standing: Option<i16>,
    at: Option<OffsetDateTime>,
    approved: Option<Json<Definition>>,
}

impl TryFrom<Row> for Saved {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let id = rows::key(row.campaign_id, "campaign_id")?;
        let turn = match (row.turn, row.turn_version, row.standing, row.at) {
            (Some(number), Some(version), Some(standing), Some(at)) => {
                let standing = Standing::from_code(standing).ok_or_else(|| rows::unreadable("standing"))?;
                Some(Turn { campaign_id: id.clone(), number, version, standing, at })
            }
            _ => None,
        };
        Ok(Self {
            id,
            version: row.version,
            definition: row.definition.0,
            author: row.author,
            save_time: row.save_time,
            turn,
            approved: row.approved.map(|it| it.0),
        })
    }
}

/// Holds a campaign, whether or not there is one, until the transaction ends.
pub async fn lock_id(conn: &mut PgConnection, tenant: &TenantId, id: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('incentives.campaign/' || $1 || '/' || $2, 0))",
        tenant.as_str(),
        id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds the rows of a campaign that is new.
pub async fn open(conn: &mut PgConnection, tenant: &TenantId, id: &Key) -> Result<(), StoreError> {
    sqlx::query!(
        "with opened as (insert into campaign_figures (tenant_id, campaign_id) values ($1, $2))
        insert into campaign (tenant_id, campaign_id, version, turn) values ($1, $2, 1, 0)",
        tenant.as_str(),
        id.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a version.
pub async fn insert(conn: &mut PgConnection, tenant: &TenantId, it: &Saved) -> Result<(), StoreError> {
    sqlx::query!(
        "with held as (update campaign set version = $3 where tenant_id = $1 and campaign_id = $2)
        insert into campaign_version (tenant_id, campaign_id, version, definition, author, save_time)
        values ($1, $2, $3, $4, $5, $6)",
        tenant.as_str(),
        it.id.as_str(),
        it.version,
        Json(&it.definition) as _,
        it.author,
        it.save_time
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds a turn.
pub async fn insert_turn(conn: &mut PgConnection, tenant: &TenantId, it: &Turn, by: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "with held as (update campaign set turn = $3 where tenant_id = $1 and campaign_id = $2)
        insert into campaign_turn (tenant_id, campaign_id, turn, version, standing, by_subject, at)
        values ($1, $2, $3, $4, $5, $6, $7)",
        tenant.as_str(),
        it.campaign_id.as_str(),
        it.number,
        it.version,
        it.standing.code(),
        by,
        it.at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One campaign.
pub async fn read(conn: &mut PgConnection, tenant: &TenantId, id: &str) -> Result<Option<Saved>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"select c.campaign_id, c.version, v.definition as "definition: Json<Definition>", v.author, v.save_time,
            t.turn as "turn?", t.version as "turn_version?", t.standing as "standing?", t.at as "at?",
            a.definition as "approved?: Json<Definition>"
        from campaign c
        join campaign_version v on v.tenant_id = $1 and v.campaign_id = c.campaign_id and v.version = c.version
        left join campaign_turn t on t.tenant_id = $1 and t.campaign_id = c.campaign_id and t.turn = c.turn
        left join campaign_version a on a.tenant_id = $1 and a.campaign_id = c.campaign_id and a.version = t.version
        where c.tenant_id = $1 and c.campaign_id = $2"#,
        tenant.as_str(),
        id
    )
    .fetch_optional(conn)
    .await?;
    row.map(Saved::try_from).transpose()
}

/// Campaigns after an id, in byte order.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    after: &str,
    limit: i64,
) -> Result<Vec<Saved>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select c.campaign_id, c.version, v.definition as "definition: Json<Definition>", v.author, v.save_time,
            t.turn as "turn?", t.version as "turn_version?", t.standing as "standing?", t.at as "at?",
            a.definition as "approved?: Json<Definition>"
        from campaign c
        join campaign_version v on v.tenant_id = $1 and v.campaign_id = c.campaign_id and v.version = c.version
        left join campaign_turn t on t.tenant_id = $1 and t.campaign_id = c.campaign_id and t.turn = c.turn
        left join campaign_version a on a.tenant_id = $1 and a.campaign_id = c.campaign_id and a.version = t.version
        where c.tenant_id = $1 and c.campaign_id > $2
        order by c.campaign_id limit $3"#,
        tenant.as_str(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Saved::try_from).collect()
}

/// All turns that held at some time between two, those of one campaign together, oldest first.
pub async fn turns(
    conn: &mut PgConnection,
    tenant: &TenantId,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Turn>, StoreError> {
    let rows = sqlx::query!(
        "select campaign_id, turn, version, standing, at from campaign_turn t
        where tenant_id = $1 and at <= $3 and not exists (
            select from campaign_turn newer
            where newer.tenant_id = $1 and newer.campaign_id = t.campaign_id and newer.turn > t.turn and newer.at <= $2
        )
        order by campaign_id, turn",
        tenant.as_str(),
        from,
        until
    )
    .fetch_all(conn)
    .await?;
    let turn = |(id, number, version, standing, at): (String, i32, i32, i16, OffsetDateTime)| {
        let standing = Standing::from_code(standing).ok_or_else(|| rows::unreadable("standing"))?;
        Ok(Turn { campaign_id: rows::key(id, "campaign_id")?, number, version, standing, at })
    };
    rows.into_iter().map(|row| turn((row.campaign_id, row.turn, row.version, row.standing, row.at))).collect()
}

/// What versions say.
pub async fn definitions(
    conn: &mut PgConnection,
    tenant: &TenantId,
    wanted: &[(Key, i32)],
) -> Result<BTreeMap<(Key, i32), Definition>, StoreError> {
    let ids: Vec<&str> = wanted.iter().map(|(id, _)| id.as_str()).collect();
    let versions: Vec<i32> = wanted.iter().map(|(_, version)| *version).collect();
    let rows = sqlx::query!(
        r#"select v.campaign_id, v.version, v.definition as "definition: Json<Definition>"
        from unnest($2::text[], $3::integer[]) k(id, version)
        join campaign_version v on v.tenant_id = $1 and v.campaign_id = k.id and v.version = k.version"#,
        tenant.as_str(),
        &ids as _,
        &versions
    )
    .fetch_all(conn)
    .await?;
    let read = |(id, version, definition): (String, i32, Json<Definition>)| {
        Ok(((rows::key(id, "campaign_id")?, version), definition.0))
    };
    rows.into_iter().map(|row| read((row.campaign_id, row.version, row.definition))).collect()
}

/// What holds for all campaigns.
pub async fn setting(conn: &mut PgConnection, tenant: &TenantId) -> Result<Setting, StoreError> {
    let row = sqlx::query_as!(
        Setting,
        "select global_holdout_bp, self_approval, revision from campaign_setting where tenant_id = $1",
        tenant.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.unwrap_or_default())
}

/// Holds what holds for all campaigns, until the transaction ends.
pub async fn lock_setting(conn: &mut PgConnection, tenant: &TenantId) -> Result<(), StoreError> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('incentives.campaign_setting/' || $1, 0))",
        tenant.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what holds for all campaigns.
pub async fn write_setting(conn: &mut PgConnection, tenant: &TenantId, it: Setting) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into campaign_setting (tenant_id, global_holdout_bp, self_approval, revision) values ($1, $2, $3, $4)
        on conflict on constraint campaign_setting_pkey do update set global_holdout_bp = excluded.global_holdout_bp,
            self_approval = excluded.self_approval, revision = excluded.revision",
        tenant.as_str(),
        it.global_holdout_bp,
        it.self_approval,
        it.revision
    )
    .execute(conn)
    .await?;
    Ok(())
}
