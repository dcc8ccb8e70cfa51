use ids::{RequestId, TenantId};
use pg::StoreError;
use prost::Message;
use proto::programme::v1::{PlanProgrammeResponse, ProgrammeBundle};
use requests::Request;
use service::rows::unreadable;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::programme::version::State;

/// The methods that begin versions.
const METHODS: [&str; 2] = ["ProgrammeService/ApplyProgramme", "ProgrammeService/RollbackProgramme"];

/// A version of a tenant's programme.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// Its number.
    pub(crate) version: i32,
    /// Where it stands.
    pub(crate) state: State,
    /// The earlier version whose bundle it has; 0: none.
    pub(crate) restored_version: i32,
    /// Whose token it was.
    pub(crate) author: String,
    /// What the author wrote.
    pub(crate) note: String,
    /// Why it failed.
    pub(crate) failure: String,
    /// When it was begun.
    pub(crate) create_time: OffsetDateTime,
    /// When it was in force.
    pub(crate) apply_time: Option<OffsetDateTime>,
}

/// What a version does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// What is to be in force.
    pub(crate) bundle: ProgrammeBundle,
    /// What of it has to be published.
    pub(crate) steps: ProgrammeBundle,
    /// What the answer tells: the changes of a plan.
    pub(crate) changes: PlanProgrammeResponse,
}

/// The version that is under way.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// The version.
    pub(crate) version: Version,
    /// What it does.
    pub(crate) work: Work,
    /// The request that wants it: method, id and body.
    pub(crate) request: (String, String, Vec<u8>),
    /// When it was last gone on with, in real time.
    pub(crate) touched_at: OffsetDateTime,
}

impl UnderWay {
    /// Whether this request wants it; `None` where its id does, with another body.
    pub(crate) fn is_of(&self, request: &Request) -> Option<bool> {
        let (method, id, body) = &self.request;
        if method != request.method || id != request.id.as_str() {
            return Some(false);
        }
        (body[..] == request.body).then_some(true)
    }

    /// The request that wants it.
    pub(crate) fn into_request(self) -> Result<Request, StoreError> {
        let (method, id, body) = self.request;
        let method = METHODS.into_iter().find(|known| *known == method).ok_or_else(|| unreadable("request_method"))?;
        let id = RequestId::new(id).map_err(|_| unreadable("request_id"))?;
        let body = body.try_into().map_err(|_| unreadable("request_body"))?;
        Ok(Request { user: String::new(), method, id, body })
    }
}

fn code(state: State) -> i16 {
    match state {
        State::Applying => 1,
        State::Applied => 2,
        State::Failed => 3,
    }
}

struct Row {
    version: i32,
    state: i16,
    restored_version: i32,
    author: String,
    note: String,
    failure: String,
    create_time: OffsetDateTime,
    apply_time: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Version {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = match row.state {
            1 => State::Applying,
            2 => State::Applied,
            3 => State::Failed,
            _ => return Err(unreadable("state")),
        };
        let Row { version, restored_version, author, note, failure, create_time, apply_time, .. } = row;
        Ok(Self { version, state, restored_version, author, note, failure, create_time, apply_time })
    }
}

fn message<M: Message + Default>(bytes: &[u8], column: &'static str) -> Result<M, StoreError> {
    M::decode(bytes).map_err(|_| unreadable(column))
}

/// The number of the newest version, whatever its state; 0: none.
pub(crate) async fn newest(conn: &mut PgConnection, tenant: &TenantId) -> Result<i32, StoreError> {
    let row = sqlx::query_scalar!(
        "select version from programme_version where tenant_id = $1 and version > 0 order by version desc limit 1",
        tenant.as_str()
    );
    Ok(row.fetch_optional(conn).await?.unwrap_or(0))
}

/// The version that is under way.
pub(crate) async fn under_way(conn: &mut PgConnection, tenant: &TenantId) -> Result<Option<UnderWay>, StoreError> {
    let row = sqlx::query!(
        "select version, state, restored_version, author, note, failure, create_time, apply_time, bundle, steps, changes,
            request_method, request_id, request_body, touched_at
        from programme_version where tenant_id = $1 and version > 0 and state = 1",
        tenant.as_str()
    );
    let Some(row) = row.fetch_optional(conn).await? else { return Ok(None) };
    let work = Work {
        bundle: message(&row.bundle, "bundle")?,
        steps: message(&row.steps, "steps")?,
        changes: message(&row.changes, "changes")?,
    };
    let version = Row {
        version: row.version,
        state: row.state,
        restored_version: row.restored_version,
        author: row.author,
        note: row.note,
        failure: row.failure,
        create_time: row.create_time,
        apply_time: row.apply_time,
    };
    Ok(Some(UnderWay {
        version: version.try_into()?,
        work,
        request: (row.request_method, row.request_id, row.request_body),
        touched_at: row.touched_at,
    }))
}

/// One version with its bundle; 0: the newest that was applied.
pub(crate) async fn read(
    conn: &mut PgConnection,
    tenant: &TenantId,
    version: i32,
) -> Result<Option<(Version, ProgrammeBundle)>, StoreError> {
    let row = sqlx::query!(
        "select version, state, restored_version, author, note, failure, create_time, apply_time, bundle
        from programme_version
        where tenant_id = $1 and version >= $2 and (version = $2 or ($2 = 0 and state = 2))
        order by version desc limit 1",
        tenant.as_str(),
        version
    );
    let Some(row) = row.fetch_optional(conn).await? else { return Ok(None) };
    let bundle = message(&row.bundle, "bundle")?;
    let version = Row {
        version: row.version,
        state: row.state,
        restored_version: row.restored_version,
        author: row.author,
        note: row.note,
        failure: row.failure,
        create_time: row.create_time,
        apply_time: row.apply_time,
    };
    Ok(Some((version.try_into()?, bundle)))
}

/// Versions before a number, newest first.
pub(crate) async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    before: i32,
    limit: i64,
) -> Result<Vec<Version>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "select version, state, restored_version, author, note, failure, create_time, apply_time
        from programme_version where tenant_id = $1 and version < $2 order by version desc limit $3",
        tenant.as_str(),
        before,
        limit
    );
    rows.fetch_all(conn).await?.into_iter().map(Version::try_from).collect()
}

/// Adds a version that is to be applied.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    tenant: &TenantId,
    version: &Version,
    work: &Work,
    request: &Request,
    touched_at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into programme_version (tenant_id, version, state, bundle, steps, changes, restored_version, author, note,
            request_method, request_id, request_body, create_time, touched_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        tenant.as_str(),
        version.version,
        code(version.state),
        work.bundle.encode_to_vec(),
        work.steps.encode_to_vec(),
        work.changes.encode_to_vec(),
        version.restored_version,
        version.author,
        version.note,
        request.method,
        request.id.as_str(),
        &request.body[..],
        version.create_time,
        touched_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes note that a version is gone on with; false where it is no longer under way.
pub(crate) async fn touch(
    conn: &mut PgConnection,
    tenant: &TenantId,
    version: i32,
    at: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "update programme_version set touched_at = $3 where tenant_id = $1 and version = $2 and state = 1",
        tenant.as_str(),
        version,
        at
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}

/// Ends what is under way: in force since a time, or failed for a reason. False where it was no longer under way.
pub(crate) async fn end(
    conn: &mut PgConnection,
    tenant: &TenantId,
    version: i32,
    outcome: Result<OffsetDateTime, &str>,
) -> Result<bool, StoreError> {
    let state = if outcome.is_ok() { State::Applied } else { State::Failed };
    let done = sqlx::query!(
        "update programme_version set state = $3, apply_time = $4, failure = $5
        where tenant_id = $1 and version = $2 and state = 1",
        tenant.as_str(),
        version,
        code(state),
        outcome.ok(),
        outcome.err().unwrap_or_default()
    );
    Ok(done.execute(conn).await?.rows_affected() == 1)
}
