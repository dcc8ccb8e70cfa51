//! What rules give: by lines, with multipliers, rounded, of groups, and taken back.

use levels::domain::group::{Choice, Place};
use levels::domain::line_rate::LineRate;
use levels::domain::multiplier::{Mix, Multiplier, Multipliers};
use levels::domain::point_type::{PointType, Rounding};
use proto::levels::v1::EntryKind::{Earn, Reverse};
use proto::profiles::v1 as profiles;
use rules::Written;
use time::macros::datetime;

use crate::stage::{Events, define, key, money, point_type, rule, stage};

fn multiplier(condition: &str, factor_basis_points: i32) -> Multiplier {
    Multiplier { condition: Written::Expression(condition.to_owned()), factor_basis_points }
}

fn multipliers(list: &[(&str, i32)], mix: Mix) -> Multipliers {
    Multipliers { list: list.iter().map(|(condition, factor)| multiplier(condition, *factor)).collect(), mix }
}

fn line(sku: &str, category: &str, quantity: i64, paid: i64) -> profiles::OrderLine {
    let (sku, category) = (sku.to_owned(), category.to_owned());
    profiles::OrderLine { line_id: sku.clone(), sku, category, quantity, paid: money(paid), ..Default::default() }
}

#[tokio::test]
async fn lines_give_by_sku_and_category_and_the_sum_is_rounded_as_the_point_type_says() {
    let stage = stage().await;
    for (id, rounding) in [("down", Rounding::Down), ("half", Rounding::HalfUp), ("up", Rounding::Up)] {
        define(&stage.levels, &stage.tenant, PointType { rounding, ..point_type(id) }).await;
        let mut by_line = rule(id, id, "order.completed", "0");
        by_line.line_rates = vec![
            LineRate { skus: vec!["tea".into()], points_per_piece: 3, ..LineRate::default() },
            LineRate { categories: vec!["gold".into()], ..LineRate::default() },
            LineRate { rate_basis_points: 100, ..LineRate::default() },
        ];
        by_line.multipliers = multipliers(&[("true", 15_000)], Mix::Product);
        stage.publish(by_line).await;
    }
    let mut events = Events::new();
    let lines = vec![line("tea", "drinks", 2, 4_000), line("ring", "gold", 1, 90_000), line("cup", "ware", 1, 1_500)];
    let order = profiles::Order { order_id: "o".into(), lines, total: money(95_500), ..profiles::Order::default() };
    let told = profiles::OrderCompleted { order: Some(order), first_order: false };
    let completed = events.of("u", "o/completed", &told);
    stage.apply(&[completed, events.refunded("u", "o", 47_750, 95_500)]).await;
    assert_eq!(stage.statement("u", "down").await, [(Earn, 31), (Reverse, -15)], "31.5, half of it back");
    assert_eq!(stage.statement("u", "half").await, [(Earn, 32), (Reverse, -16)]);
    assert_eq!(stage.statement("u", "up").await, [(Earn, 32), (Reverse, -16)]);
    stage.audit().await;
}

/// A refund of these lines: which, pieces, money.
fn back(refund_id: &str, lines: &[(&str, i64, i64)], so_far: i64, total: i64) -> profiles::OrderRefunded {
    let line = |(id, quantity, amount): &(&str, i64, i64)| profiles::RefundLine {
        line_id: (*id).to_owned(),
        quantity: *quantity,
        amount: money(*amount),
    };
    let refund = profiles::Refund {
        refund_id: refund_id.to_owned(),
        order_id: "o".to_owned(),
        amount: money(lines.iter().map(|it| it.2).sum()),
        lines: lines.iter().map(line).collect(),
        ..profiles::Refund::default()
    };
    profiles::OrderRefunded { refund: Some(refund), refunded_total: money(so_far), order_total: money(total) }
}

#[tokio::test]
async fn a_refund_that_names_lines_takes_back_what_those_gave_whatever_is_known_first_and_however_often() {
    let stage = stage().await;
    let mut by_line = rule("by-line", "points", "order.completed", "20");
    by_line.line_rates = vec![
        LineRate { categories: vec!["茶".into()], points_per_piece: 10, ..LineRate::default() },
        LineRate { categories: vec!["杯".into()], rate_basis_points: 100, ..LineRate::default() },
    ];
    by_line.multipliers = multipliers(&[("true", 20_000)], Mix::Product);
    stage.publish(by_line).await;
    let lines = vec![line("1", "茶", 3, 900), line("2", "杯", 1, 5_000), line("3", "其他", 1, 4_100)];
    let order = profiles::Order { order_id: "o".into(), lines, total: money(10_000), ..profiles::Order::default() };
    let told = profiles::OrderCompleted { order: Some(order), first_order: false };
    let tea = back("r1", &[("1", 1, 300)], 300, 10_000);
    let cup = back("r2", &[("2", 1, 5_000)], 5_300, 10_000);
    let mut events = Events::new();
    let mut story = |who: &str, order: [usize; 3]| {
        let all = [
            events.of(who, &format!("{who}/completed"), &told),
            events.of(who, &format!("{who}/r1"), &tea),
            events.of(who, &format!("{who}/r2"), &cup),
        ];
        order.map(|n| all[n].clone())
    };
    for (who, order) in [("甲", [0, 1, 2]), ("乙", [1, 0, 2]), ("丙", [2, 1, 0])] {
        for event in story(who, order) {
            stage.apply(std::slice::from_ref(&event)).await;
            stage.apply(&[event]).await;
        }
        // 2 × (20 + 30 + 50): of that tea 20, cups 100, and 0.53 of the formula's 40
        assert_eq!(stage.balance(who, "points").await.available, 200 - 141, "{who}");
    }
    assert_eq!(stage.statement("甲", "points").await, [(Earn, 200), (Reverse, -21), (Reverse, -120)]);
    let rest = back("r3", &[("1", 2, 600), ("3", 1, 4_100)], 10_000, 10_000);
    stage.apply(&[events.of("甲", "甲/r3", &rest)]).await;
    assert_eq!(stage.balance("甲", "points").await.available, 0, "all came back");
    stage.audit().await;
}

#[tokio::test]
async fn refunds_of_before_lines_were_looked_at_take_back_by_money() {
    let stage = stage().await;
    let mut by_line = rule("by-line", "points", "order.completed", "0");
    by_line.line_rates = vec![LineRate { points_per_piece: 10, ..LineRate::default() }];
    stage.publish(by_line).await;
    let lines = vec![line("1", "茶", 3, 900), line("2", "杯", 1, 100)];
    let order = profiles::Order { order_id: "o".into(), lines, total: money(1_000), ..profiles::Order::default() };
    let told = profiles::OrderCompleted { order: Some(order), first_order: false };
    let mut events = Events::new();
    let tea = back("r1", &[("1", 1, 500)], 500, 1_000);
    let (earned, refunded) = (events.of("u", "c", &told), events.of("u", "r1", &tea));
    stage.apply(&[refunded]).await;
    stage.execute("update order_reversal set returned = null").await;
    stage.apply(&[earned]).await;
    assert_eq!(stage.balance("u", "points").await.available, 20, "half of 40");
    stage.execute("update earning set parts = null").await;
    let cup = back("r2", &[("2", 1, 100)], 600, 1_000);
    stage.apply(&[events.of("u", "r2", &cup)]).await;
    assert_eq!(stage.balance("u", "points").await.available, 16, "earned before lines were kept: six tenths of 40");
    stage.audit().await;
}

#[tokio::test]
async fn a_multiplier_by_level_sees_the_level_before_the_event_also_within_a_batch() {
    let stage = stage().await;
    stage.rule("growth", "growth", "order.completed", "order.total_minor / 100").await;
    stage.scheme(None).await;
    let mut points = rule("points", "points", "order.completed", "order.total_minor / 100");
    points.multipliers = multipliers(&[("level.rank >= 1", 20_000), ("level.rank >= 2", 15_000)], Mix::Product);
    stage.publish(points).await;
    let mut events = Events::new();
    let batch =
        [events.completed("u", "o", 10_000), events.completed("u", "p", 90_000), events.completed("v", "q", 5_000)];
    stage.apply(&batch).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 100), (Earn, 1_800)]);
    assert_eq!(stage.statement("v", "points").await, [(Earn, 50)]);
    stage.apply(&[events.completed("u", "r", 1_000)]).await;
    assert_eq!(stage.statement("u", "points").await[2], (Earn, 30));
    stage.audit().await;
}

#[tokio::test]
async fn a_rule_that_asks_for_the_level_finds_it_and_opens_no_account_of_the_measure() {
    let stage = stage().await;
    stage.scheme(None).await;
    let mut visits = rule("visits", "points", "user.visited", "level.rank + 1");
    visits.condition = Written::Expression("level.rank <= 1".into());
    stage.publish(visits).await;
    let mut events = Events::new();
    stage.apply(&[events.visited("u", "v", 5)]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 1)]);
    let mut admin = stage.db.admin(levels::NAME).await;
    let opened: Vec<String> =
        sqlx::query_scalar("select point_type_id from account").fetch_all(&mut admin).await.unwrap();
    assert_eq!(opened, ["points"]);
    stage.grow("w", 100, "1").await;
    stage.apply(&[events.visited("w", "w", 5)]).await;
    assert_eq!(stage.statement("w", "points").await, [(Earn, 2)]);
}

#[tokio::test]
async fn a_time_window_is_that_of_the_point_types_zone() {
    let stage = stage().await;
    let mut evenings = rule("evenings", "growth", "user.visited", "1");
    evenings.multipliers = multipliers(&[("at.weekday == 2 && at.hour >= 18", 30_000)], Mix::Greatest);
    stage.publish(evenings).await;
    let mut events = Events::new();
    for (id, at) in [("17:59", datetime!(2026-03-31 17:59 +8)), ("18:00", datetime!(2026-03-31 10:00 UTC))] {
        events.occurred_at = at;
        stage.apply(&[events.visited("u", id, 5)]).await;
    }
    assert_eq!(stage.statement("u", "growth").await, [(Earn, 1), (Earn, 3)]);
}

#[tokio::test]
async fn of_a_group_one_rule_counts_and_others_beside_it() {
    let stage = stage().await;
    for (id, group, priority, choice, formula) in [
        ("base", None, 0, Choice::Priority, "1"),
        ("festival", Some("sale"), 5, Choice::Priority, "order.total_minor >= 5000 ? 10 : 0"),
        ("weekend", Some("sale"), 3, Choice::Most, "20"),
        ("newcomer", Some("sale"), 1, Choice::Priority, "order.total_minor >= 1000 ? 30 : 0"),
    ] {
        let mut of_group = rule(id, "points", "order.completed", formula);
        of_group.place = Place { group: group.map(key), priority, choice };
        stage.publish(of_group).await;
    }
    let mut events = Events::new();
    for (who, total) in [("big", 5_000), ("middle", 1_000), ("small", 100)] {
        stage.apply(&[events.completed(who, who, total)]).await;
    }
    let given = |statement: Vec<(_, i64)>| statement.into_iter().map(|(_, amount)| amount).collect::<Vec<_>>();
    assert_eq!(given(stage.statement("big", "points").await), [1, 10], "the highest priority counts");
    assert_eq!(given(stage.statement("middle", "points").await), [1, 30], "the first of the others says: most");
    assert_eq!(given(stage.statement("small", "points").await), [1, 20], "what gives nothing excludes nothing");
}

#[tokio::test]
async fn a_version_that_was_published_before_rounding_keeps_its_meaning() {
    let stage = stage().await;
    stage.rule("steps", "points", "order.completed", "order.total_minor / 1000 * 10").await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 1_990)]).await;
    stage.execute("update earning_rule set exact = false").await;
    stage.apply(&[events.completed("u", "p", 1_990)]).await;
    assert_eq!(stage.statement("u", "points").await, [(Earn, 19), (Earn, 10)]);
}
