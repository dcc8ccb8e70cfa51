//! The plans of a service's statements.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::{TestDb, workspace};

/// Tables that every schema has besides the service's own: their crates look after them.
const SHARED: &str = "^(tenant_state|user_alias|event|event_.*|log_epoch|reader_cursor|consumer_.*|dead_letter|request_record|_sqlx_migrations)$";
/// Why a statement is passed over: `undefined_table` and `undefined_function`, it is another service's; `syntax_error`, it is
/// one that has no plan.
const PASSED_OVER: [&str; 3] = ["42P01", "42883", "42601"];

/// Checks that every statement of a service finds its rows by an index, and by more of its key than the tenant: as the
/// service's role, under row-level security, with sequential scans made expensive and arguments unknown.
///
/// The statements are those in `/.sqlx` whose tables the service has. The database should hold some hundred rows of each
/// table, so that the planner has a reason to choose.
#[derive(Debug)]
pub struct Plans<'a> {
    schema: &'a str,
    small: &'a [&'a str],
    whole: &'a [&'a str],
}

impl<'a> Plans<'a> {
    /// Of the service that owns `schema`.
    pub fn of(schema: &'a str) -> Self {
        Self { schema, small: &[], whole: &[] }
    }

    /// Tables that do not grow with users: what operators define, read by tenant. All others do.
    #[must_use]
    pub fn small(mut self, tables: &'a [&'a str]) -> Self {
        self.small = tables;
        self
    }

    /// Statements that read all users of a tenant, by how they begin: reports.
    #[must_use]
    pub fn whole(mut self, begins: &'a [&'a str]) -> Self {
        self.whole = begins;
        self
    }

    /// Panics with every statement that reads more than it needs, and with tables that no statement reads.
    pub async fn check(self, db: &TestDb) {
        let wide = self.wide(db).await.expect("the plans can be read");
        assert!(wide.is_empty(), "{}", wide.join("\n\n"));
    }

    async fn wide(&self, db: &TestDb) -> anyhow::Result<Vec<String>> {
        let mut conn = db.admin(self.schema).await;
        let growing = growing(&mut conn, self.schema, self.small).await?;
        let settings = format!(
            "analyze; set role banyan_{}; set banyan.tenant = 'shop'; set enable_seqscan = off;
             set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
             set plan_cache_mode = force_generic_plan",
            self.schema
        );
        conn.execute(AssertSqlSafe(settings)).await?;
        let (mut wide, mut unseen) = (Vec::new(), growing.clone());
        for (statement, parameters) in statements()? {
            let Some(plan) = plan(&mut conn, &statement, parameters).await? else { continue };
            unseen.retain(|table| !scans(&plan, table).any(|_| true));
            let whole = self.whole.iter().any(|begin| statement.starts_with(begin));
            let scans = growing.iter().flat_map(|table| scans(&plan, table)).filter(|scan| !whole && scan.is_wide());
            let scans: Vec<_> = scans.map(|scan| scan.line).collect();
            if !scans.is_empty() {
                wide.push(format!("{}\nin\n{statement}\n{plan}", scans.join("\n")));
            }
        }
        conn.close().await?;
        wide.extend(unseen.iter().map(|table| format!("no statement in /.sqlx reads or writes {table}")));
        Ok(wide)
    }
}

/// The service's own tables but for the small ones.
async fn growing(conn: &mut PgConnection, schema: &str, small: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let query = "select c.relname::text from pg_class c where c.relnamespace = $1::regnamespace
                 and c.relkind in ('r', 'p') and not c.relispartition and c.relname !~ $2";
    let tables: Vec<String> = sqlx::query_scalar(query).bind(schema).bind(SHARED).fetch_all(conn).await?;
    let mut tables: BTreeSet<String> = tables.into_iter().collect();
    for table in small {
        if !tables.remove(*table) {
            bail!("{schema} has no table {table}");
        }
    }
    Ok(tables)
}

/// What sqlx's macros wrote of the statements of all services: text and number of parameters.
fn statements() -> anyhow::Result<Vec<(String, usize)>> {
    let read = |path: &Path| -> anyhow::Result<(String, usize)> {
        let described: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
        let statement = described["query"].as_str().context("it has no query")?;
        Ok((statement.to_owned(), described["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len)))
    };
    let mut statements = Vec::new();
    for entry in fs::read_dir(workspace::root().join(".sqlx"))? {
        let path = entry?.path();
        statements.push(read(&path).with_context(|| path.display().to_string())?);
    }
    Ok(statements)
}

/// The plan for unknown arguments, unless the statement is of tables that are not here.
async fn plan(conn: &mut PgConnection, statement: &str, parameters: usize) -> anyhow::Result<Option<String>> {
    conn.execute("deallocate all").await?;
    match conn.execute(AssertSqlSafe(format!("prepare statement as {statement}"))).await {
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| PASSED_OVER.contains(&&*code)) => {
            return Ok(None);
        }
        prepared => prepared.with_context(|| statement.to_owned())?,
    };
    let nulls = vec!["null"; parameters].join(", ");
    let arguments = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
    let rows = conn.fetch_all(AssertSqlSafe(format!("explain (costs off) execute statement{arguments}"))).await;
    let rows = rows.with_context(|| statement.to_owned())?;
    Ok(Some(rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")))
}

/// A line of a plan that reads or writes a table.
struct Scan<'p> {
    line: &'p str,
    condition: Option<&'p str>,
}

impl Scan<'_> {
    /// A whole table, or a whole tenant of it.
    fn is_wide(&self) -> bool {
        let narrow = self.condition.is_some_and(|condition| condition.contains(" AND "));
        self.line.contains("Seq Scan") || self.line.contains("Index") && !narrow
    }
}

fn scans<'p>(plan: &'p str, table: &str) -> impl Iterator<Item = Scan<'p>> {
    let lines: Vec<&str> = plan.lines().map(|line| line.trim().trim_start_matches("->").trim()).collect();
    let of = |line: &str| line.split_once(" on ").is_some_and(|(_, rest)| rest.split(' ').next() == Some(table));
    let numbers: Vec<usize> = (0..lines.len()).filter(|number| of(lines[*number])).collect();
    numbers.into_iter().map(move |number| {
        let condition = lines.get(number + 1).copied().filter(|next| next.starts_with("Index Cond:"));
        Scan { line: lines[number], condition }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(plan: &str) -> Vec<&str> {
        scans(plan, "account").filter(Scan::is_wide).map(|scan| scan.line).collect()
    }

    #[test]
    fn a_scan_by_tenant_alone_is_wide_and_one_by_more_of_the_key_is_not() {
        let narrow = "Update on account a\n  ->  Nested Loop\n        ->  Index Scan using account_pkey on account a\n\
                      Index Cond: ((tenant_id = $1) AND (user_id = u.u))";
        assert_eq!(wide(narrow), [""; 0]);
        let tenant = "Index Only Scan using account_pkey on account\n  Index Cond: (tenant_id = $1)";
        assert_eq!(wide(tenant), ["Index Only Scan using account_pkey on account"]);
        assert_eq!(wide("->  Index Scan using account_by_day on account\nFilter: (n = 1)").len(), 1);
        assert_eq!(wide("->  Seq Scan on account").len(), 1);
        assert_eq!(wide("->  Seq Scan on account_total\nSeq Scan on entry account"), [""; 0]);
    }
}
