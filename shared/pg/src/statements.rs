use std::collections::BTreeMap;

use sqlx::{Connection as _, PgConnection};

use crate::Roles;

/// Statements that Postgres has counted since it began to, by schema; `BEGIN` and `COMMIT` count too. Asks as a role that
/// may create the extension `pg_stat_statements`, and fails where Postgres was not started with its library.
pub async fn statements<'a>(admin_url: &str, schemas: &[&'a str]) -> Result<BTreeMap<&'a str, i64>, sqlx::Error> {
    let mut admin = PgConnection::connect(admin_url).await?;
    sqlx::query("create extension if not exists pg_stat_statements").execute(&mut admin).await?;
    // not checked at compile time: the extension is no part of the product's schemas
    let by_role: Vec<(String, i64)> = sqlx::query_as(
        "select r.rolname::text, sum(s.calls)::bigint from pg_stat_statements s join pg_roles r on r.oid = s.userid
         group by r.rolname",
    )
    .fetch_all(&mut admin)
    .await?;
    admin.close().await?;
    let of = |schema: &'a str| {
        let roles = Roles::of(schema);
        let own = by_role.iter().filter(|(role, _)| *role == roles.app || *role == roles.system);
        (schema, own.map(|(_, calls)| calls).sum())
    };
    Ok(schemas.iter().copied().map(of).collect())
}
