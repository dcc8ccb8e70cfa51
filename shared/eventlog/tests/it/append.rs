use eventlog::Link;
use ids::{Partition, TenantId};
use proto::common::v1::Position as PbPosition;
use sqlx::{Executor, Row};

use crate::stage::{Stage, visit};

fn tenant() -> TenantId {
    TenantId::new("shop").unwrap()
}

#[tokio::test]
async fn a_batch_of_many_users_takes_the_next_numbers_of_each_partition_in_order() {
    let stage = Stage::new().await;
    let users: Vec<String> = (0..100).map(|index| format!("u{index}")).collect();
    for round in 1..=2 {
        let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), round)).collect();
        let positions = stage.visit("shop", &visits).await;
        let mut next = std::collections::BTreeMap::new();
        for (position, user) in positions.iter().zip(&users) {
            let partition = Partition::of(&tenant(), user);
            let on_it = users.iter().filter(|other| Partition::of(&tenant(), other) == partition).count() as i64;
            let nth = next.entry(partition).or_insert((i64::from(round) - 1) * on_it);
            *nth += 1;
            assert_eq!((position.partition, position.seq, position.source), (partition, *nth, "profiles"));
        }
    }
}

#[tokio::test]
async fn the_recorded_time_never_falls_even_when_the_clock_does() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1)]).await;
    // the clock was a month ahead when this was recorded: its day has no table, and the next ones come "earlier"
    let mut admin = stage.db.admin("profiles").await;
    admin.execute("update event set recorded_at = recorded_at + interval '30 days'").await.unwrap();
    let positions = stage.visit("shop", &[("u", 2), ("u", 3)]).await;
    assert_eq!(positions.iter().map(|position| position.seq).collect::<Vec<_>>(), [2, 3]);
    let query = "select recorded_at - lag(recorded_at) over (order by seq) >= interval '0' from event order by seq";
    let rising: Vec<Option<bool>> = admin.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(rising, [None, Some(true), Some(true)]);
}

#[tokio::test]
async fn a_partition_that_was_idle_for_months_goes_on_where_it_was() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1), ("u", 2)]).await;
    let mut admin = stage.db.admin("profiles").await;
    admin.execute("update event set recorded_at = recorded_at - interval '90 days'").await.unwrap();
    assert_eq!(stage.visit("shop", &[("u", 3)]).await[0].seq, 3);
}

#[tokio::test]
async fn an_append_that_is_rolled_back_leaves_no_gap() {
    let stage = Stage::new().await;
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant()).await.unwrap();
    let lost = stage.profiles.append(&mut tx, &tenant(), &[visit("u", 1)]).await.unwrap();
    tx.rollback().await.unwrap();
    let kept = stage.visit("shop", &[("u", 2)]).await;
    assert_eq!((lost[0].seq, kept[0].seq), (1, 1));
}

#[tokio::test]
async fn a_tenant_cannot_append_for_another_nor_change_what_stands() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1)]).await;
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant()).await.unwrap();
    let other = TenantId::new("other").unwrap();
    assert!(stage.profiles.append(&mut tx, &other, &[visit("u", 1)]).await.is_err());
    drop(tx);
    for forbidden in
        ["update event set n = 1", "delete from event", "select log_begin_epoch()", "delete from event_floor"]
    {
        let mut tx = db.begin(&tenant()).await.unwrap();
        assert!(tx.execute(forbidden).await.is_err(), "{forbidden}");
    }
}

#[tokio::test]
async fn the_tables_of_days_are_reached_through_the_log_only() {
    let stage = Stage::new().await;
    stage.visit("shop", &[("u", 1)]).await;
    let mut admin = stage.db.admin("profiles").await;
    let query = "select relname::text from pg_class where relname ~ '^event_(\\d{8}|default)$' and relkind = 'r'
                 and relnamespace = 'profiles'::regnamespace and relrowsecurity and relforcerowsecurity";
    let tables: Vec<String> = admin.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.len() >= 5, "{tables:?}");
    let db = stage.db.db("profiles").await;
    for table in tables {
        let query = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let mut tx = db.begin(&tenant()).await.unwrap();
        assert!(tx.execute(query).await.is_err(), "{table}");
    }
}

#[tokio::test]
async fn a_follow_up_is_stored_with_its_cause() {
    let stage = Stage::new().await;
    let first = stage.visit("shop", &[("u", 1)]).await;
    let event = proto::events::v1::Event {
        partition: first[0].partition.index().into(),
        seq: first[0].seq,
        root_event_id: "u-1".to_owned(),
        mode: proto::events::v1::EventMode::Live.into(),
        ..Default::default()
    };
    let draft = visit("u", 2).caused_by(&Link::to("profiles", &event)).unwrap();
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant()).await.unwrap();
    let second = stage.profiles.append(&mut tx, &tenant(), &[draft]).await.unwrap();
    tx.commit().await.unwrap();
    let mut admin = stage.db.admin("profiles").await;
    let query = "select root_event_id, cause_source, cause_partition, cause_seq, hops from event where hops = 1";
    let row = admin.fetch_one(query).await.unwrap();
    let got: (String, String, i16, i64, i16) = (row.get(0), row.get(1), row.get(2), row.get(3), row.get(4));
    assert_eq!(got, ("u-1".to_owned(), "profiles".to_owned(), event.partition as i16, 1, 1));
    let want = PbPosition { source: "profiles".to_owned(), partition: event.partition, seq: 2 };
    assert_eq!(PbPosition::from(second[0]), want);
}
