//! Moves from stage to stage, by what users do and by time.

use ids::TenantId;
use profiles::commands::{AdvanceClock, CreateTenant};
use prost::Message;
use proto::profiles::v1::StageMoved;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{World, create, event_at, paid, refunded, request, tenant_id, world};

const START: OffsetDateTime = datetime!(2025-01-10 04:00 UTC);

/// A sandbox whose clock stands at [`START`].
async fn lab() -> (World, TenantId) {
    let mut world = world().await;
    let lab = tenant_id("lab");
    let command = CreateTenant { clock: Some(START), ..create("CNY", "Asia/Shanghai") };
    world.profiles.create_tenant(&lab, &command).await.unwrap();
    world.shop = lab.clone();
    (world, lab)
}

/// (from, to, when) of every move told of a user.
async fn moves(world: &World, user: &str) -> Vec<(String, String, OffsetDateTime)> {
    let mut conn = world.db.admin(profiles::NAME).await;
    let query = "select payload, occurred_at from event where tenant_id = $1 and user_id = $2 and type = 'stage.moved'
        order by seq";
    let rows: Vec<(Vec<u8>, OffsetDateTime)> =
        sqlx::query_as(query).bind(world.shop.as_str()).bind(user).fetch_all(&mut conn).await.unwrap();
    rows.into_iter()
        .map(|(payload, at)| {
            let moved = StageMoved::decode(&payload[..]).unwrap();
            (moved.from_stage, moved.to_stage, at)
        })
        .collect()
}

/// Moves the clock day by day and has time do its work.
async fn advance(world: &World, to: OffsetDateTime) {
    for n in 0.. {
        let due = world.profiles.next_due(&world.shop).await.unwrap().filter(|due| *due < to);
        let stop = due.unwrap_or(to);
        let id = format!("to {stop} {n}");
        let request = request("", "TenantService/AdvanceClock", &id, &id);
        let answer = world.profiles.advance_clock(&world.shop, &AdvanceClock { request, to: stop }).await.unwrap();
        assert!(answer.value.done, "without other services the clock comes to {stop} at once");
        while world.profiles.run_due(&world.shop).await.unwrap() > 0 {}
        if stop == to {
            return;
        }
    }
}

#[tokio::test]
async fn buyers_are_told_to_move_by_their_orders_and_then_by_time_at_the_start_of_the_day() {
    let (world, _) = lab().await;
    let bought = START - time::Duration::hours(1);
    world.accept(&[event_at("u", "e1", bought, paid("o1", 100))]).await;
    assert_eq!(moves(&world, "u").await, [("prospect".into(), "first_order".into(), START)]);
    let again = START + time::Duration::days(3);
    advance(&world, again).await;
    world.accept(&[event_at("u", "e2", again, paid("o2", 100)), event_at("u", "e3", again, paid("o3", 1))]).await;
    advance(&world, datetime!(2025-12-31 00:00 UTC)).await;
    // bought on 13 January in Shanghai: asleep 90 days later, lost 180 days later, each from midnight there
    let want = [
        ("prospect", "first_order", START),
        ("first_order", "repeat", again),
        ("repeat", "dormant", datetime!(2025-04-12 16:00 UTC)),
        ("dormant", "lost", datetime!(2025-07-11 16:00 UTC)),
    ];
    let want = want.map(|(from, to, at)| (from.to_owned(), to.to_owned(), at));
    assert_eq!(moves(&world, "u").await, want);
    assert_eq!(world.profiles.next_due(&world.shop).await.unwrap(), None);
    let back = datetime!(2025-12-31 00:00 UTC);
    world.accept(&[event_at("u", "e4", back, paid("o4", 5))]).await;
    assert_eq!(moves(&world, "u").await.last().unwrap(), &("lost".into(), "repeat".into(), back));
}

#[tokio::test]
async fn what_changes_no_stage_tells_nothing_and_an_order_given_back_moves_its_buyer_back() {
    let (world, _) = lab().await;
    let bought = event_at("u", "e1", START, paid("o1", 100));
    world.accept(std::slice::from_ref(&bought)).await;
    world.accept(&[bought]).await;
    world.accept(&[event_at("u", "v", START, profiles::domain::event::Report::Visit(3))]).await;
    assert_eq!(moves(&world, "u").await.len(), 1);
    world.accept(&[event_at("u", "e2", START, refunded("o1", "r1", 100))]).await;
    assert_eq!(moves(&world, "u").await.last().unwrap(), &("first_order".into(), "prospect".into(), START));
    assert_eq!(moves(&world, "v").await, []);
}
