//! Every statement finds its rows by an index, and by more of its key than the tenant: as the service's role, under
//! row-level security, with sequential scans made expensive.

use std::path::Path;

use feedback::commands::{RankConsumer, ValueConsumer};
use proto::levels::v1::{LevelMove, LevelMoved};
use proto::profiles::v1::ProfileAliasLinked;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::stage::{case_type, complaint, event, stage};

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

/// Tables that grow with users and cases. What operators define is small, and read by tenant.
const OWN: [&str; 5] = ["feedback_case", "case_entry", "case_rating", "case_standing", "user_alias"];

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
    stage.case_type(case_type("refund"), "type").await;
    for n in 0..64 {
        let who = format!("u{n}");
        stage.submit(complaint(&who, "c", "text")).await.unwrap();
        if n % 2 == 0 {
            stage.resolve(&who, "1").await;
            stage.rate(&who, 5, "2").await.unwrap();
        }
        let r#move = Some(LevelMove { to_rank: 1, ..LevelMove::default() });
        let moved = LevelMoved { scheme_id: "vip".into(), r#move, secondary: false };
        stage.apply(&RankConsumer, &[event(&who, "1", &moved, &[])]).await;
        let linked = ProfileAliasLinked { alias: format!("a{n}") };
        stage.apply(&ValueConsumer, &[event(&who, "2", &linked, &[])]).await;
    }
    let mut conn = stage.db.admin(feedback::NAME).await;
    conn.execute("analyze").await.unwrap();
    let settings = "set role banyan_feedback; set banyan.tenant = 'shop'; set enable_seqscan = off;
                    set enable_bitmapscan = off; set enable_hashjoin = off;
                    set enable_mergejoin = off; set plan_cache_mode = force_generic_plan";
    conn.execute(settings).await.unwrap();
    let mut looked_at = 0;
    for (statement, parameters) in statements() {
        let Some(plan) = plan(&mut conn, &statement, parameters).await else { continue };
        let first_alone = statement.trim_end().ends_with("limit 1") && !plan.contains("Sort");
        let wide = if first_alone { Vec::new() } else { wide(&plan) };
        assert_eq!(wide, Vec::<String>::new(), "{statement}\n{plan}");
        looked_at +=
            usize::from(plan.lines().any(|line| OWN.iter().any(|table| line.contains(&format!(" on {table}")))));
    }
    assert!(looked_at >= 15, "only {looked_at} statements were looked at");
    conn.close().await.unwrap();
}
