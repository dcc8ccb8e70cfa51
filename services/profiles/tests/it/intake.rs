use profiles::commands::NotTaken;
use profiles::domain::event::{Currency, Mode, Report};
use profiles::domain::order::{Discount, Funder, Line, State};
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use service::Gather;

use super::support::*;

#[tokio::test]
async fn a_first_report_creates_the_user_and_implies_the_earlier_steps() {
    let world = world().await;
    let taken = world.accept(&[event("u1", "e1", completed("o1", 1999))]).await;
    assert_eq!(
        world.log("u1").await,
        ["e1#profile profile.changed", "e1#created order.created", "e1#paid order.paid", "e1 order.completed"]
    );
    assert_eq!((taken[0].position.seq, taken[0].replayed), (4, false), "the position is that of the last entry");
    let (record, _) = world.profiles.get_order(&world.shop, ("u1", "o1"), &[]).await.unwrap();
    assert_eq!((record.order.state, record.order.basket.total), (State::Completed, 1999));
    assert_eq!((record.order.paid_at, record.order.completed_at), (Some(noon()), Some(noon())));
    assert_eq!(world.spend("u1").await, (1, 1999));
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_body_is_refused() {
    let world = world().await;
    let first = world.accept(&[event("u1", "e1", paid("o1", 100))]).await[0];
    let again = world.accept(&[event("u1", "e1", paid("o1", 100))]).await[0];
    assert_eq!((again.position, again.replayed), (first.position, true));
    let other = world.take(&[event("u1", "e1", paid("o1", 200))]).await;
    assert!(
        matches!(&other[0], Err(NotTaken::Failed(ProfilesError::RequestIdReused { request_id })) if request_id == "e1"),
        "{other:?}"
    );
    assert_eq!(world.log("u1").await.len(), 3);
    // the same id of another user is another event
    assert!(!world.accept(&[event("u2", "e1", paid("o1", 100))]).await[0].replayed);
}

#[tokio::test]
async fn duplicates_within_a_batch_take_effect_once() {
    let world = world().await;
    let events = [
        event("u1", "e1", paid("o1", 100)),
        event("u1", "e1", paid("o1", 100)),
        event("u1", "e2", paid("o1", 100)),
        event("u1", "e1", paid("o1", 999)),
        event("u1", "v1", Report::Visit(5)),
        event("u1", "v1", Report::Visit(5)),
    ];
    let outcomes = world.take(&events).await;
    let replayed: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().ok().map(|taken| taken.replayed)).collect();
    assert_eq!(replayed, [Some(false), Some(true), Some(false), None, Some(false), Some(true)]);
    assert!(matches!(outcomes[3], Err(NotTaken::Failed(ProfilesError::RequestIdReused { .. }))));
    assert_eq!(world.spend("u1").await, (1, 100));
    assert_eq!(world.number("select sum(visits)::bigint from visit_day").await, 1);
}

#[tokio::test]
async fn the_same_order_under_another_event_id_changes_nothing_and_other_amounts_are_refused() {
    let world = world().await;
    world.accept(&[event("u1", "e1", completed("o1", 100))]).await;
    let before = world.log("u1").await;
    let again = world.accept(&[event("u1", "e2", completed("o1", 100)), event("u1", "e3", created("o1", 100))]).await;
    assert!(again.iter().all(|taken| taken.position.seq >= 4 && !taken.replayed));
    assert_eq!(world.log("u1").await, before);
    let refused = world.refuse(event("u1", "e4", completed("o1", 101))).await;
    assert_eq!(refused, Refusal::OrderDiffers { order_id: "o1".into() });
}

#[tokio::test]
async fn a_refund_before_its_order_waits_and_is_told_after_the_payment() {
    let world = world().await;
    let early = world.accept(&[event("u1", "r", refunded("o1", "r1", 40))]).await[0];
    assert_eq!(world.log("u1").await, ["r#profile profile.changed"]);
    world.accept(&[event("u1", "c", created("o1", 100))]).await;
    let (record, _) = world.profiles.get_order(&world.shop, ("u1", "o1"), &[]).await.unwrap();
    assert_eq!((record.order.refunded, record.refunds[0].applied), (0, false));
    world.accept(&[event("u1", "p", paid("o1", 100))]).await;
    let want = ["r#profile profile.changed", "c order.created", "p order.paid", "r order.refunded"].map(str::to_owned);
    assert_eq!(world.log("u1").await, want);
    assert_eq!(world.spend("u1").await, (1, 60));
    let again = world.accept(&[event("u1", "r", refunded("o1", "r1", 40))]).await[0];
    assert_eq!((again.position, again.replayed), (early.position, true), "still the first answer");
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test]
async fn refunds_never_exceed_what_was_paid_and_the_refusal_is_kept() {
    let world = world().await;
    world.accept(&[event("u1", "p", paid("o1", 100)), event("u1", "r1", refunded("o1", "r1", 70))]).await;
    let want =
        Refusal::RefundExceedsPaid { order_id: "o1".into(), refund_id: "r2".into(), refundable_minor: 30, part: None };
    assert_eq!(world.refuse(event("u1", "r2", refunded("o1", "r2", 31))).await, want);
    world.accept(&[event("u1", "r3", refunded("o1", "r3", 30))]).await;
    // a late duplicate of the refused one gets the same answer, although the state is another by now
    let late = world.take(&[event("u1", "r2", refunded("o1", "r2", 31))]).await.pop().unwrap();
    assert!(
        matches!(&late, Err(NotTaken::Failed(ProfilesError::Refused { refusal, replayed: true })) if *refusal == want),
        "{late:?}"
    );
    assert_eq!(world.spend("u1").await, (0, 0), "given back whole");
    let same_refund = world.accept(&[event("u1", "r4", refunded("o1", "r3", 30))]).await;
    assert!(!same_refund[0].replayed);
    let differs = world.refuse(event("u1", "r5", refunded("o1", "r3", 29))).await;
    assert_eq!(differs, Refusal::RefundDiffers { refund_id: "r3".into() });
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test]
async fn a_cancellation_releases_what_was_not_given_back_and_ends_the_order() {
    let world = world().await;
    let unknown = world.refuse(event("u1", "x", cancelled("o1"))).await;
    assert_eq!(unknown, Refusal::OrderNotFound { order_id: "o1".into() });
    let events = [
        event("u1", "p", paid("o1", 100)),
        event("u1", "r", refunded("o1", "r1", 30)),
        event("u1", "c", cancelled("o1")),
        event("u1", "c2", cancelled("o1")),
    ];
    world.accept(&events).await;
    assert_eq!(world.spend("u1").await, (0, 0));
    for (id, report) in [("p2", paid("o1", 100)), ("f", completed("o1", 100))] {
        let refused = world.refuse(event("u1", id, report)).await;
        assert_eq!(refused, Refusal::OrderState { order_id: "o1".into(), state: State::Cancelled });
    }
    assert!(matches!(
        world.refuse(event("u1", "r2", refunded("o1", "r2", 1))).await,
        Refusal::RefundExceedsPaid { refundable_minor: 0, .. }
    ));
    world.accept(&[event("u1", "f2", completed("o2", 50))]).await;
    let done = world.refuse(event("u1", "c3", cancelled("o2"))).await;
    assert_eq!(done, Refusal::OrderState { order_id: "o2".into(), state: State::Completed });
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test]
async fn a_user_whose_every_report_was_refused_does_not_exist() {
    let world = world().await;
    world.refuse(event("ghost", "x", cancelled("o1"))).await;
    let found = world.profiles.answer(&world.shop, &[], asked("ghost")).await;
    assert_eq!(refusal(found), Refusal::ProfileNotFound { user_id: "ghost".into() });
    let again = world.take(&[event("ghost", "x", cancelled("o1"))]).await.pop().unwrap();
    assert!(matches!(again, Err(NotTaken::Failed(ProfilesError::Refused { replayed: true, .. }))));
    assert_eq!(world.number("select count(*) from profile").await, 0);
}

#[tokio::test]
async fn events_of_a_batch_are_applied_in_order_and_have_their_own_outcomes() {
    let world = world().await;
    let wrong = Currency::One("USD".into());
    let mut foreign = event("u3", "e1", paid("o1", 5));
    foreign.currency = wrong;
    let events = [
        event("u2", "e1", paid("o1", 10)),
        event("u1", "e1", refunded("o1", "r1", 4)),
        foreign,
        event("u1", "e2", paid("o1", 10)),
        event("u1", "e3", refunded("o1", "r2", 7)),
        event("u1", "e4", completed("o1", 10)),
        event("u2", "e2", cancelled("o1")),
    ];
    let outcomes = world.take(&events).await;
    let accepted: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(accepted, [true, true, false, true, false, true, true]);
    assert!(matches!(&outcomes[2], Err(NotTaken::WrongCurrency { currency }) if currency == "CNY"));
    assert_eq!((world.spend("u1").await, world.spend("u2").await), ((1, 6), (0, 0)));
    assert_eq!(world.log("u1").await.last().unwrap(), "e4 order.completed");
    // a report in the wrong currency is not kept: corrected, it can be sent again
    assert!(!world.accept(&[event("u3", "e1", paid("o1", 5))]).await[0].replayed);
}

#[tokio::test]
async fn an_unregistered_or_suspended_tenant_takes_nothing() {
    let world = world().await;
    let nowhere = world.profiles.record_events(&tenant_id("nowhere"), &[event("u", "e", paid("o", 1))]).await;
    assert!(matches!(nowhere, Err(ProfilesError::TenantUnknown { .. })));
    world.profiles.update_tenant(&world.shop, &suspend("s1", true)).await.unwrap();
    let suspended = world.profiles.record_events(&world.shop, &[event("u", "e", paid("o", 1))]).await;
    assert!(matches!(suspended, Err(ProfilesError::TenantSuspended { .. })));
    world.profiles.update_tenant(&world.shop, &suspend("s2", false)).await.unwrap();
    world.accept(&[event("u", "e", paid("o", 1))]).await;
}

#[tokio::test]
async fn an_order_comes_back_as_it_was_reported() {
    let world = world().await;
    let line = |line_id: &str, paid, discounts| Line {
        line_id: line_id.into(),
        sku: format!("sku-{line_id}"),
        category: "茶".into(),
        quantity: 2,
        list_price: Some(60),
        paid,
        discounts,
    };
    let shares = vec![Discount { funder: Funder::Shop, amount: 15 }, Discount { funder: Funder::Platform, amount: 5 }];
    let mut order = (*basket("o1", 230)).clone();
    order.lines = vec![line("b", 100, shares), line("a", 120, Vec::new())];
    (order.freight, order.deposit, order.parent_order_id) = (Some(10), Some(30), "o0".into());
    let events = [
        event("u1", "e1", Report::OrderPaid(order.clone().into())),
        event("u1", "e2", refunded("o1", "r1", 20)),
        event("u1", "e3", created("o2", 5)),
    ];
    world.accept(&events).await;
    let (record, _) = world.profiles.get_order(&world.shop, ("u1", "o1"), &[]).await.unwrap();
    assert_eq!(*record.order.basket, order);
    assert_eq!((record.refunds.len(), record.order.refunded, record.order.site.as_str()), (1, 20, "app"));
    // the same report from the loaded order is no contradiction
    world.accept(&[event("u1", "e4", Report::OrderCompleted(order.into()))]).await;
    assert_eq!(world.number("select count(*) from order_line").await, 2);
}

#[tokio::test]
async fn a_batch_of_256_events_is_one_transaction() {
    let world = world().await;
    let one = |n: usize| event(&format!("u{}", n % 50), &format!("e{n}"), paid(&format!("o{n}"), 10));
    world.accept(&(0..256).map(one).collect::<Vec<_>>()).await;
    assert_eq!(world.number("select count(*) from customer_order").await, 256);
    assert_eq!(world.number("select count(distinct xmin::text) from customer_order").await, 1);
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test]
async fn the_log_carries_mode_site_and_facts() {
    let world = world().await;
    let mut import = event("u1", "e1", paid("o1", 100));
    import.origin.mode = Mode::Facts;
    world.accept(&[import]).await;
    let mut conn = world.db.admin(profiles::NAME).await;
    let query = "select mode, site, facts from event where event_id = 'e1'";
    let (mode, site, facts): (i16, String, Vec<u8>) = sqlx::query_as(query).fetch_one(&mut conn).await.unwrap();
    assert_eq!((mode, site.as_str()), (1, "app"));
    let facts = <proto::events::v1::Facts as prost::Message>::decode(facts.as_slice()).unwrap().values;
    let names: Vec<&str> = facts.keys().map(String::as_str).collect();
    let want = ["currency", "first_order_at", "last_order_at", "net_spend_minor", "orders", "stage"];
    assert_eq!(names, want.map(|name| format!("user.{name}")));
    use proto::events::v1::fact_value::Value;
    assert_eq!(facts["user.stage"].value, Some(Value::Text("first_order".into())));
    assert_eq!(facts["user.net_spend_minor"].value, Some(Value::Number(100)));
}

#[tokio::test]
async fn facts_tell_how_long_a_user_has_been_registered_by_days_of_the_tenants_zone() {
    let world = world().await;
    world.accept(&[event("u1", "e1", paid("o1", 100))]).await;
    let mut conn = world.db.admin(profiles::NAME).await;
    // the evening before in UTC, the same day in Shanghai
    let register = "update profile set registered_at = $1 where user_id = 'u1'";
    sqlx::query(register).bind(testkit::at("2025-12-31T16:30:00Z")).execute(&mut conn).await.unwrap();
    let at = |id: &str, at: &str| {
        let mut event = event("u1", id, Report::Visit(1));
        event.origin.occurred_at = testkit::at(at);
        event
    };
    let told =
        [at("same", "2026-01-01T15:59:59Z"), at("next", "2026-01-01T16:00:00Z"), at("before", "2025-12-31T16:29:59Z")];
    world.accept(&told).await;
    let mut days = Vec::new();
    for id in ["same", "next", "before"] {
        let facts: Vec<u8> = sqlx::query_scalar("select facts from event where event_id = $1")
            .bind(id)
            .fetch_one(&mut conn)
            .await
            .unwrap();
        let facts = <proto::events::v1::Facts as prost::Message>::decode(facts.as_slice()).unwrap().values;
        use proto::events::v1::fact_value::Value;
        let number = |name: &str| match facts.get(name).and_then(|fact| fact.value.clone()) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        };
        days.push((number("user.registered_days"), number("user.registered_month")));
    }
    assert_eq!(days, [(Some(0), Some(1)), (Some(1), Some(1)), (None, None)]);
}
