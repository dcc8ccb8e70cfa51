//! Every statement finds its rows by an index, and by more of its key than the tenant: as the service's role, under
//! row-level security, with sequential scans made expensive.

use std::path::Path;
use std::sync::Arc;

use profiles::domain::event::Report;
use profiles::domain::order::{Basket, Line};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use super::support::*;

/// The statements that the service prepared, from what sqlx's macros wrote.
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

const OWN: [&str; 6] = ["profile", "visit_day", "customer_order", "order_line", "order_refund", "intake_event"];

/// Reports over all users of a tenant, by how their statements begin.
const REPORTS: [&str; 2] = ["with paid as materialized", "with bought as "];

/// Scans of the service's tables that read more than they need.
fn wide(plan: &str) -> Vec<String> {
    let mut wide = Vec::new();
    let lines: Vec<&str> = plan.lines().map(str::trim).collect();
    for (number, line) in lines.iter().enumerate() {
        let line = line.trim_start_matches("->").trim();
        let of_own = OWN.iter().any(|table| line.split(' ').any(|word| word == *table));
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
    let world = world().await;
    let user = |n: usize| format!("u{n}");
    let line = Line {
        line_id: "1".into(),
        sku: "tea".into(),
        category: String::new(),
        quantity: 1,
        list_price: None,
        paid: 10,
        discounts: Vec::new(),
    };
    let order = Arc::new(Basket { lines: vec![line], ..(*basket("o", 10)).clone() });
    let paid = || Report::OrderPaid(Arc::clone(&order));
    world.accept(&(0..256).map(|n| event(&user(n), "p", paid())).collect::<Vec<_>>()).await;
    world.accept(&(0..256).map(|n| event(&user(n), "r", refunded("o", "r", 1))).collect::<Vec<_>>()).await;
    world.accept(&(0..256).map(|n| event(&user(n), "v", Report::Visit(1))).collect::<Vec<_>>()).await;
    world.db.admin(profiles::NAME).await.execute("analyze").await.unwrap();
    let mut conn = world.db.admin(profiles::NAME).await;
    let settings = "set role banyan_profiles; set banyan.tenant = 'shop'; set enable_seqscan = off;
                    set enable_bitmapscan = off; set enable_hashjoin = off;
                    set enable_mergejoin = off; set plan_cache_mode = force_generic_plan";
    conn.execute(settings).await.unwrap();
    let mut looked_at = 0;
    for (statement, parameters) in statements() {
        let report = REPORTS.iter().any(|begin| statement.starts_with(begin));
        let Some(plan) = plan(&mut conn, &statement, parameters).await.filter(|_| !report) else { continue };
        assert_eq!(wide(&plan), Vec::<String>::new(), "{statement}\n{plan}");
        looked_at +=
            usize::from(plan.lines().any(|line| OWN.iter().any(|table| line.contains(&format!(" on {table}")))));
    }
    assert!(looked_at >= 20, "only {looked_at} statements were looked at");
    conn.close().await.unwrap();
}
