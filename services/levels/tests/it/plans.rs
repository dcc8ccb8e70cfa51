//! Every statement finds its rows by an index, and by more of its key than the tenant: as the service's role, under
//! row-level security, with sequential scans made expensive.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::stage::{Events, earn, stage};

/// The statements that were prepared, from what sqlx's macros wrote.
fn statements() -> Vec<(String, usize)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.sqlx");
    let statement = |path: &Path| {
        let described: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let parameters = described["describe"]["parameters"]["Left"].as_array().map_or(0, Vec::len);
        (described["query"].as_str().unwrap().to_owned(), parameters)
    };
    std::fs::read_dir(folder).unwrap().map(|entry| statement(&entry.unwrap().path())).collect()
}

/// The plan for unknown arguments, unless the statement is of another service's tables.
async fn plan(conn: &mut PgConnection, statement: &str, parameters: usize) -> Option<String> {
    conn.execute("deallocate all").await.unwrap();
    conn.execute(AssertSqlSafe(format!("prepare statement as {statement}"))).await.ok()?;
    let nulls = vec!["null"; parameters].join(", ");
    let arguments = if nulls.is_empty() { String::new() } else { format!("({nulls})") };
    let rows =
        conn.fetch_all(AssertSqlSafe(format!("explain (costs off) execute statement{arguments}"))).await.unwrap();
    Some(rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n"))
}

/// Tables that grow with users and orders. What operators define is small, and read by tenant.
const OWN: [&str; 8] =
    ["account", "entry", "point_total", "earning", "order_reversal", "member", "level_move", "level_alias"];

/// Scans of those tables that read more than they need.
fn wide(plan: &str) -> Vec<String> {
    let mut wide = Vec::new();
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    for (number, line) in lines.iter().enumerate() {
        let line = line.trim_start_matches("->").trim();
        let of_own = OWN.iter().any(|table| line.contains(" on ") && line.split(' ').any(|word| word == *table));
        let condition = lines.get(number + 1).filter(|next| next.starts_with("Index Cond:"));
        let narrow = condition.is_some_and(|condition| condition.contains(" AND "));
        if of_own && (line.contains("Seq Scan") || line.contains("Index") && !narrow) {
            wide.push(line.to_owned());
        }
    }
    wide
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let stage = stage().await;
    stage.scheme(None).await;
    stage.rule("r", "points", "order.completed", "1").await;
    let calls: Vec<_> = (0..256).map(|n| earn(&format!("u{n}"), "growth", 200, "1", None)).collect();
    assert!(stage.levels.earn(&stage.tenant, &calls).await.unwrap().iter().all(Result::is_ok));
    let mut events = Events::new();
    let orders = (0..256).flat_map(|n| {
        let who = format!("u{n}");
        let linked = proto::profiles::v1::ProfileAliasLinked { alias: format!("a{n}") };
        let linked = events.of(&who, &format!("{n}/linked"), &linked);
        [events.completed(&who, "o", 100), events.refunded(&who, "o", 50, 100), linked]
    });
    stage.apply(&orders.collect::<Vec<_>>()).await;
    let mut conn = stage.db.admin(levels::NAME).await;
    conn.execute("analyze").await.unwrap();
    let settings = "set role banyan_levels; set banyan.tenant = 'shop'; set enable_seqscan = off;
                    set enable_bitmapscan = off; set enable_hashjoin = off;
                    set enable_mergejoin = off; set plan_cache_mode = force_generic_plan";
    conn.execute(settings).await.unwrap();
    let mut looked_at = 0;
    for (statement, parameters) in statements() {
        let Some(plan) = plan(&mut conn, &statement, parameters).await else { continue };
        assert_eq!(wide(&plan), Vec::<String>::new(), "{statement}\n{plan}");
        looked_at +=
            usize::from(plan.lines().any(|line| OWN.iter().any(|table| line.contains(&format!(" on {table}")))));
    }
    assert!(looked_at >= 20, "only {looked_at} statements were looked at");
    conn.close().await.unwrap();
}
