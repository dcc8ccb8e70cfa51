//! What happens to users who do nothing.

use levels::domain::entry::Filter;
use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;
use levels::domain::scheme::policy::PeriodEnd;
use proto::levels::v1::EntryKind::{Earn, Expire, LevelEnd};
use service::Core;
use time::{Duration, OffsetDateTime};

use crate::stage::{empty, key, months, stage, user};

#[tokio::test]
async fn lapsed_lots_are_booked_once_with_the_time_of_their_lapse() {
    let stage = empty().await;
    stage.point_type("points", true, Expiry::Days(1, None), ReversalPolicy::DownToZero).await;
    let then = OffsetDateTime::now_utc() - Duration::days(10);
    stage.at(then).await;
    stage.earn("u", 10, "1").await.unwrap();
    stage.earn("v", 20, "2").await.unwrap();
    stage.at(then + Duration::days(10)).await;
    let (one, two) = tokio::join!(stage.levels.review(), stage.levels.review());
    assert_eq!(one.unwrap() + two.unwrap(), 2, "each account is settled by one of two reviews at once");
    assert_eq!(stage.levels.review().await.unwrap(), 0);
    assert_eq!(stage.statement("u", "points").await, [(Earn, 10), (Expire, -10)]);
    let (account, every) = ((&user("u"), &key("points")), Filter::default());
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &every, None, 1, &[]).await.unwrap();
    let expire = &page.rows[0];
    assert_eq!(Some(expire.occurred_at), expire.lots[0].expires_at);
    assert!(expire.recorded_at > expire.occurred_at);
    stage.audit().await;
}

#[tokio::test]
async fn what_is_due_next_is_the_first_lapse_time_out_or_level_end_until_it_is_booked() {
    let stage = empty().await;
    assert_eq!(stage.levels.next_due(&stage.tenant).await.unwrap(), None);
    stage.point_type("points", true, Expiry::Days(30, None), ReversalPolicy::DownToZero).await;
    stage.point_type("growth", false, Expiry::Never, ReversalPolicy::DownToZero).await;
    let now = OffsetDateTime::now_utc();
    let lapse = stage.earn_at("u", 10, "1", now).await.entry.unwrap().lots[0].expires_at.unwrap().seconds;
    let next = async || stage.levels.next_due(&stage.tenant).await.unwrap().map(OffsetDateTime::unix_timestamp);
    assert_eq!(next().await, Some(lapse));
    stage.hold("u", 4, "h").await;
    assert!(next().await.unwrap() < now.unix_timestamp() + 3_700);
    stage.two_hours_later().await;
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(next().await, Some(lapse));
    stage.scheme(months(12, PeriodEnd::Keep)).await;
    stage.grow("u", 150, "g").await;
    stage.execute("update member set valid_until = valid_until - interval '13 months', review_at = review_at - interval '13 months',
                due_at = due_at - interval '13 months'",
).await;
    assert!(next().await.unwrap() < now.unix_timestamp());
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(next().await, Some(lapse));
}

#[tokio::test]
async fn a_level_whose_validity_ended_is_shown_and_then_booked_as_ended() {
    let stage = stage().await;
    stage.scheme(months(12, PeriodEnd::SubtractThreshold)).await;
    stage.grow("u", 1_150, "1").await;
    assert_eq!(stage.rank("u").await, 2);
    assert_eq!(stage.levels.review().await.unwrap(), 0);
    // as if it had been earned a year and a day ago
    stage
        .execute(
            "update member set valid_until = valid_until - interval '1 year 3 days',
                review_at = review_at - interval '1 year 3 days', due_at = due_at - interval '1 year 3 days'",
        )
        .await;
    assert_eq!(stage.rank("u").await, 1, "a read is right before the review came by");
    assert_eq!(stage.levels.review().await.unwrap(), 1);
    assert_eq!(stage.rank("u").await, 1);
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 1_150), (LevelEnd, -1_000)]);
    let moves = stage.levels.list_level_moves(&stage.tenant, (&user("u"), &key("vip")), None, 10, &[]).await.unwrap();
    let moves: Vec<_> = moves.rows.iter().rev().map(|it| (it.from_rank, it.to_rank, it.counts[0])).collect();
    assert_eq!(moves, [(0, 2, 1_150), (2, 1, 150)]);
    let counts = stage.levels.count_members(&stage.tenant, &key("vip"), &[]).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.members).collect::<Vec<_>>(), [0, 1, 0]);
    stage.audit().await;
}

#[tokio::test]
async fn a_review_goes_on_over_tenants_and_in_bounded_steps() {
    let mut stage = empty().await;
    stage.point_type("points", true, Expiry::Days(1, None), ReversalPolicy::DownToZero).await;
    let then = OffsetDateTime::now_utc() - Duration::days(10);
    for n in 0..7 {
        stage.earn_at(&format!("u{n}"), 10, "1", then).await;
    }
    stage.tenant = crate::stage::tenant("other");
    stage.point_type("points", true, Expiry::Days(1, None), ReversalPolicy::DownToZero).await;
    stage.earn_at("u0", 10, "1", then).await;
    let settings = levels::config::Settings { review_batch_max: 2, review_batches_max: 3, ..Default::default() };
    let levels = levels::Levels::new(Core::new(stage.db.db(levels::NAME).await, stage.log.clone()), settings);
    let mut runs = Vec::new();
    while runs.last() != Some(&0) {
        runs.push(levels.review().await.unwrap());
    }
    assert_eq!(runs.iter().sum::<usize>(), 8);
    assert!(runs.iter().all(|done| *done <= 6), "{runs:?}");
}
