//! Tenants never see each other.

use levels::domain::entry::Filter;
use levels::domain::expiry::Expiry;
use levels::domain::leaderboard::ScoreRule;
use levels::domain::point_type::ReversalPolicy;
use levels::queries::AskedBalance;
use service::Gather;

use crate::stage::{create_point_type, earn, key, stage, user};

#[tokio::test]
async fn two_tenants_with_the_same_user_ids_see_nothing_of_each_other() {
    let stage = stage().await;
    let (levels, other) = stage.of("other");
    create_point_type(levels, &other, "points", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    stage.earn("u", 5, "1").await.unwrap();
    levels.post(&other, &[earn("u", "points", 70, "1", None)]).await.unwrap().remove(0).unwrap();
    let account = (&user("u"), &key("points"));
    assert_eq!(stage.balance("u", "points").await.available, 5);
    let asked = AskedBalance { user: user("u"), point_type: key("points"), at: None };
    assert_eq!(levels.answer(&other, &[], asked).await.unwrap().available, 70);
    assert_eq!(levels.list_entries(&other, account, &Filter::default(), None, 10, &[]).await.unwrap().0.rows.len(), 1);
    assert_eq!(levels.circulation(&other, &key("points"), None, &[]).await.unwrap().issued, 70);
    assert_eq!(levels.verify_ledger(&other, None, 10, &[]).await.unwrap().accounts, 1);
    assert_eq!(levels.list_point_types(&other, "", 10).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn row_level_security_holds_where_a_statement_forgets_its_tenant() {
    let stage = stage().await;
    let (levels, other) = stage.of("other");
    create_point_type(levels, &other, "points", true, Expiry::Never, ReversalPolicy::DownToZero).await;
    stage.earn("u", 5, "1").await.unwrap();
    stage.scheme(None).await;
    stage.grow("u", 500, "2").await;
    stage.rule("r", "points", "order.completed", "1").await;
    let mut events = crate::stage::Events::new();
    stage.apply(&[events.completed("u", "o", 100), events.refunded("u", "o", 1, 100)]).await;
    let linked = events.of("u", "l", &proto::profiles::v1::ProfileAliasLinked { alias: "a".to_owned() });
    stage.apply(&[linked]).await;
    stage.hold("u", 1, "h").await;
    stage.reward("u", "r", 5).await;
    stage.publish_benefit(crate::benefits::lounge(&[(0, None, 5)]), "lounge").await.unwrap();
    stage.use_it("u", 1, "1").await.unwrap();
    stage.publish_board(crate::leaderboards::coins(ScoreRule::Best), "coins").await.unwrap();
    stage.submit("u", (1, None), "1").await.unwrap();
    stage.publish_badge(crate::quests::runner(), "runner").await.unwrap();
    stage.publish_quest(crate::quests::orders(), "orders").await.unwrap();
    stage.publish_streak(crate::check_ins::daily(), "daily").await.unwrap();
    let mut events = crate::stage::Events::new(); // recorded after the quest was published
    let of_quests =
        [events.completed("u", "q1", 100), events.completed("u", "q2", 100), events.refunded("u", "q1", 5, 100)];
    stage.quest_events(&of_quests).await;
    stage.check_in("u", "1").await.unwrap();
    stage.execute("update leaderboard_season set ends_at = starts_at").await;
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);

    let mut admin = stage.db.admin(levels::NAME).await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.table_name::text from information_schema.columns c
         join information_schema.tables t using (table_schema, table_name)
         where c.table_schema = 'levels' and c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE'
         order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(tables.len() >= 38, "{tables:?}");
    let pool = stage.db.db(levels::NAME).await;
    let (mut seen, mut counted) = (0, 0);
    for table in tables.iter().filter(|table| *table != "event" && !table.starts_with("event_")) {
        let all = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let foreign = sqlx::AssertSqlSafe(format!("select count(*) from {table} where tenant_id <> 'other'"));
        let mut tx = pool.begin(&other).await.unwrap();
        let leaked: i64 = sqlx::query_scalar(foreign).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(leaked, 0, "{table}");
        tx.rollback().await.unwrap();
        let mut tx = pool.begin(&stage.tenant).await.unwrap();
        let own: i64 = sqlx::query_scalar(all).fetch_one(&mut *tx).await.unwrap();
        tx.rollback().await.unwrap();
        seen += i64::from(own > 0);
        counted += 1;
    }
    assert!(seen >= 37 && counted >= 37, "the check looked at {seen} tables with rows");
}
