//! Budgets and limits where partitions and replicas decide at the same time.

use std::sync::Arc;

use eventlog::Consume;
use ids::Partition;
use incentives::commands::CampaignConsumer;
use incentives::domain::campaign::Definition;
use incentives::domain::period::Period;
use proto::events::v1::Event;

use crate::campaign_stage::{completed, per, points};
use crate::stage::{Stage, stage};

/// Applies batches at the same time, each in a transaction of its own, as partitions of several replicas do.
async fn at_once(stage: &Stage, batches: Vec<Vec<Event>>) {
    let db = stage.db.db(incentives::NAME).await;
    let work = batches.into_iter().map(|events| {
        let (db, tenant, log) = (db.clone(), stage.tenant.clone(), Arc::clone(&stage.log));
        let consumer = CampaignConsumer::of_profiles(Arc::clone(&stage.incentives));
        tokio::spawn(async move {
            let once = || async {
                let mut tx = db.begin(&tenant).await?;
                let drafts = consumer.apply(&mut tx, &tenant, &events).await.map_err(|error| match error {
                    eventlog::ApplyError::Store(error) => error,
                    other => panic!("{other:?}"),
                })?;
                log.append(&mut tx, &tenant, &drafts).await?;
                tx.commit().await
            };
            // a consumer tries again for as long as a conflict lasts
            while let Err(error) = once().await {
                assert!(error.passing(), "{error:?}");
            }
        })
    });
    for task in work.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_for_ten_is_given_to_ten_of_two_hundred_over_all_partitions_and_two_consumers() {
    let stage = stage().await;
    stage.run("ten", Definition { budget: Some(1_000), ..points("100") }).await;
    let mut batches: Vec<Vec<Event>> = vec![Vec::new(); 64];
    for n in 0..200_usize {
        let who = format!("u{n}");
        let partition = usize::from(Partition::of(&stage.tenant, &who).index());
        batches[partition + 32 * (n % 2)].push(completed(&who, "o", 100));
    }
    assert!(batches.iter().filter(|batch| !batch.is_empty()).count() > 40);
    at_once(&stage, batches).await;
    let results = stage.results("ten").await;
    assert_eq!((results.granted, results.committed, results.released), (10, 1_000, 0));
    assert_eq!(results.outcomes.iter().map(|it| it.times).sum::<i64>(), 200);
    assert_eq!(stage.number("select count(*) from event where type = 'reward.granted'").await, 10);
    stage.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_one_is_kept_where_thirty_events_of_a_user_arrive_at_once() {
    let stage = stage().await;
    stage.run("once", Definition { user_limits: per(Period::Always, 1), ..points("1") }).await;
    let batches = (0..30).map(|n| vec![completed("u", &format!("o{n}"), 100)]).collect();
    at_once(&stage, batches).await;
    assert_eq!(stage.told("u").await, ["reward.granted"]);
    stage.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_taken_twice_at_once_grants_once() {
    let stage = stage().await;
    stage.run("c", points("1")).await;
    let event = completed("u", "o", 100);
    at_once(&stage, (0..8).map(|_| vec![event.clone()]).collect()).await;
    assert_eq!(stage.told("u").await, ["reward.granted"]);
    stage.audit().await;
}
