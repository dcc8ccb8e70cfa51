use std::time::Duration;

use eventlog::{LogSettings, PullSource};
use proto::events::v1::Cursor;
use sqlx::{Executor, Row};
use testkit::eventually;
use tonic::Code;

use crate::stage::{Book, Direct, Stage, cursor, n_of, pull_all};

async fn tables(stage: &Stage) -> Vec<String> {
    let query = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = 'event'::regclass order by 1";
    stage.db.admin("profiles").await.fetch_all(query).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// Makes everything recorded so far `days` days older, as if time had passed and the process had been started again, and
/// gives each day its table.
async fn age(stage: &mut Stage, days: i32) {
    let mut admin = stage.db.admin("profiles").await;
    let older = "update event set recorded_at = recorded_at - make_interval(days => $1)";
    sqlx::query(older).bind(days).execute(&mut admin).await.unwrap();
    stage.profiles.upkeep().await.unwrap(); // stores how far readers are
    stage.profiles = stage.other_profiles(None, 20).await;
    stage.profiles.upkeep().await.unwrap();
}

#[tokio::test]
async fn the_tables_of_today_and_the_next_days_are_there_and_made_once() {
    let stage = Stage::new().await;
    let made = tables(&stage).await;
    assert_eq!(made.len(), 5, "{made:?}");
    let again = stage.profiles.upkeep().await.unwrap();
    assert_eq!((again.made, again.dropped.len()), (0, 0));
    assert_eq!(tables(&stage).await, made);
}

#[tokio::test]
async fn an_event_whose_day_has_no_table_is_kept_and_moved_when_it_gets_one() {
    let stage = Stage::new().await;
    let mut admin = stage.db.admin("profiles").await;
    let drop_days = "do $$ declare t text; begin
        for t in select relname from pg_class where relname ~ '^event_\\d{8}$' and relkind = 'r'
            and relnamespace = 'profiles'::regnamespace
        loop execute 'drop table ' || t; end loop; end $$";
    admin.execute(drop_days).await.unwrap();
    let position = stage.visit("shop", &[("a", 1), ("a", 2)]).await[0];
    let in_default = "select count(*) from event_default";
    assert_eq!(sqlx::query_scalar::<_, i64>(in_default).fetch_one(&mut admin).await.unwrap(), 2);
    assert!(stage.profiles.upkeep().await.unwrap().made >= 4);
    assert_eq!(sqlx::query_scalar::<_, i64>(in_default).fetch_one(&mut admin).await.unwrap(), 0);
    stage.visit("shop", &[("a", 3)]).await;
    let request = pull_all(vec![cursor(position.partition.index().into(), 0)], Duration::ZERO);
    let answer = Direct::new(&stage.profiles).pull(request).await.unwrap();
    assert_eq!(answer.pages[0].events.iter().map(n_of).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn a_day_past_its_retention_is_dropped_and_the_floor_says_so() {
    let mut stage = Stage::new().await;
    let position = stage.visit("shop", &[("a", 1), ("a", 2)]).await[0];
    let partition = position.partition.index().into();
    age(&mut stage, 40).await;
    stage.profiles.upkeep().await.unwrap();
    stage.visit("shop", &[("a", 3)]).await;
    let source = Direct::new(&stage.profiles);
    let refused = source.pull(pull_all(vec![cursor(partition, 0)], Duration::ZERO)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(status::reason_of(&refused).as_deref(), Some("LOG_TRUNCATED"));
    let facts = status::metadata_of(&refused);
    let epoch = facts["epoch"].parse().unwrap();
    let request = pull_all(vec![Cursor { partition, after_seq: 2, epoch }], Duration::ZERO);
    let page = source.pull(request).await.unwrap().pages.remove(0);
    assert_eq!((page.events.iter().map(n_of).collect::<Vec<_>>(), page.floor, page.head), (vec![3], 2, 3));
}

#[tokio::test]
async fn numbers_go_on_after_everything_was_dropped() {
    let mut stage = Stage::new().await;
    stage.visit("shop", &[("a", 1), ("a", 2)]).await;
    age(&mut stage, 40).await;
    assert_eq!(stage.count("select count(*) from profiles.event").await, 0);
    assert_eq!(stage.visit("shop", &[("a", 3)]).await[0].seq, 3);
}

#[tokio::test]
async fn a_service_that_has_not_read_a_day_holds_it_back() {
    let mut stage = Stage::new().await;
    let position = stage.visit("shop", &[("a", 1), ("a", 2)]).await[0];
    let partition = position.partition.index().into();
    let source = Direct::new(&stage.profiles);
    let epoch = source.pull(pull_all(vec![cursor(partition, 0)], Duration::ZERO)).await.unwrap().pages[0].epoch;
    age(&mut stage, 40).await;
    assert_eq!(stage.count("select count(*) from profiles.event").await, 2);
    let source = Direct::new(&stage.profiles);
    // an outside app that has read nothing holds nothing back; the service has read all now
    let read = pull_all(vec![Cursor { partition, after_seq: 2, epoch }], Duration::ZERO);
    source.pull(read).await.unwrap();
    source.pull_as(Some("shop"), pull_all(vec![cursor(partition, 0)], Duration::ZERO)).await.unwrap();
    assert_eq!(stage.profiles.upkeep().await.unwrap().dropped.len(), 1);
    assert_eq!(stage.count("select count(*) from profiles.event").await, 0);
}

#[tokio::test]
async fn a_reader_that_went_away_for_good_holds_nothing_back() {
    let settings = LogSettings { reader_idle_days: 0, ..LogSettings::default() };
    let mut stage = Stage::with(settings).await;
    let position = stage.visit("shop", &[("a", 1)]).await[0];
    let cursors = vec![cursor(position.partition.index().into(), 0)];
    Direct::new(&stage.profiles).pull(pull_all(cursors, Duration::ZERO)).await.unwrap();
    age(&mut stage, 40).await;
    assert_eq!(stage.count("select count(*) from profiles.event").await, 0);
}

#[tokio::test]
async fn a_new_consumer_begins_after_the_floor_and_an_old_one_behind_it_stops() {
    let mut stage = Stage::new().await;
    stage.visit("shop", &[("a", 1), ("a", 2)]).await;
    age(&mut stage, 40).await;
    stage.visit("shop", &[("a", 3), ("a", 4)]).await;
    let running = stage.consume(&Book::default());
    eventually(|| stage.quiet()).await;
    assert_eq!(stage.applied().await.iter().map(|(.., n)| *n).collect::<Vec<_>>(), [3, 4]);
    running.end().await;
    stage.db.admin("levels").await.execute("update consumer_cursor set seq = 1 where seq > 0").await.unwrap();
    let running = stage.consume(&Book::default());
    let stopped = eventually(|| async {
        let consumers = stage.progress().await.consumers;
        consumers.into_iter().find(|consumer| !consumer.stopped.is_empty())
    })
    .await;
    assert!(stopped.stopped.contains("no longer has what comes next"), "{}", stopped.stopped);
    running.end().await;
}
