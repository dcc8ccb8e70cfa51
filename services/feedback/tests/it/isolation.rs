//! Tenants never see each other.

use feedback::commands::{RankConsumer, ValueConsumer};
use feedback::domain::act::Act;
use feedback::domain::classification::ClassificationRule;
use feedback::domain::queue::Filter;
use proto::feedback::v1 as pb;
use proto::levels::v1::{LevelMove, LevelMoved};
use proto::profiles::v1::ProfileAliasLinked;

use crate::stage::{case_type, event, handling, key, says, stage, user};

#[tokio::test]
async fn two_tenants_with_the_same_user_and_case_ids_see_nothing_of_each_other() {
    let mut stage = stage().await;
    stage.open("u").await;
    stage.enter("other").await;
    let feedback = &stage.feedback;
    let account = (&user("u"), &key("c"));
    assert!(feedback.case(&stage.tenant, account, &[]).await.is_err());
    assert!(feedback.timeline(&stage.tenant, account, None, 10, &[]).await.is_err());
    assert!(feedback.sla_policy(&stage.tenant).await.is_err());
    let queue = feedback.list_queue(&stage.tenant, &Filter::default(), None, 10, &[]).await.unwrap();
    assert!(queue.page.rows.is_empty());
    let reply = handling("u", Act::Reply, says("x"), "1");
    assert!(stage.handle::<pb::ReplyToCaseResponse>(&reply).await.is_err());
    assert_eq!(feedback.case_figures(&stage.tenant, (None, None), "", &[]).await.unwrap().total.submitted, 0);
    assert!(!stage.submit(crate::stage::complaint("u", "c", "快递三天没到")).await.unwrap().replayed);
}

#[tokio::test]
async fn row_level_security_holds_where_a_statement_forgets_its_tenant() {
    let mut stage = stage().await;
    stage.case_type(case_type("refund"), "type").await;
    let rule = ClassificationRule { id: "r".into(), any_keywords: vec!["x".into()], ..ClassificationRule::default() };
    stage.rules(vec![rule], "rules").await.unwrap();
    stage.open("u").await;
    stage.resolve("u", "1").await;
    stage.rate("u", 5, "2").await.unwrap();
    let moved = LevelMoved {
        scheme_id: "vip".into(),
        r#move: Some(LevelMove { to_rank: 1, ..LevelMove::default() }),
        secondary: false,
    };
    stage.apply(&RankConsumer, &[event("u", "1", &moved, &[])]).await;
    let linked = ProfileAliasLinked { alias: "a".to_owned() };
    stage.apply(&ValueConsumer, &[event("u", "2", &linked, &[])]).await;
    let shop = stage.tenant.clone();
    stage.enter("other").await;

    let mut admin = stage.db.admin(feedback::NAME).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.table_name::text from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
         where c.table_schema = 'feedback' and c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE'
         order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let pool = stage.db.db(feedback::NAME).await;
    let mut seen = 0;
    for table in tables.iter().filter(|table| *table != "event" && !table.starts_with("event_")) {
        let all = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let foreign = sqlx::AssertSqlSafe(format!("select count(*) from {table} where tenant_id <> 'other'"));
        let mut tx = pool.begin(&stage.tenant).await.unwrap();
        let leaked: i64 = sqlx::query_scalar(foreign).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(leaked, 0, "{table}");
        tx.rollback().await.unwrap();
        let mut tx = pool.begin(&shop).await.unwrap();
        let own: i64 = sqlx::query_scalar(all).fetch_one(&mut *tx).await.unwrap();
        tx.rollback().await.unwrap();
        seen += i64::from(own > 0);
    }
    assert!(seen >= 10, "the check looked at {seen} tables with rows of {tables:?}");
}
