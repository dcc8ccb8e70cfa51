//! Refunds, cancellation and completion in whatever order they become known end the same.

use ids::{EventId, Key, UserId};
use proptest::prelude::*;

use super::entry::Payer;
use super::order::{Earning, OrderCourse};
use super::pending::Landing;

#[derive(Debug, Clone, PartialEq)]
enum Known {
    Completed,
    Refunded(i64),
    Cancelled,
}

/// What the order's points come to after these facts in this order.
fn net(earned: i64, total: i64, facts: &[Known]) -> i64 {
    let mut course = OrderCourse::default();
    let mut earning: Option<Earning> = None;
    for fact in facts {
        match fact {
            Known::Completed => earning = Some(fresh(earned)),
            Known::Refunded(so_far) => course.refund(*so_far, total),
            Known::Cancelled => course.cancel(),
        }
        if let Some(earning) = &mut earning {
            earning.taken_back += earning.outstanding(&course);
            assert!((0..=earning.earned).contains(&earning.taken_back));
        }
    }
    earning.map_or(0, |earning| earning.earned - earning.taken_back)
}

fn fresh(earned: i64) -> Earning {
    Earning {
        rule_id: Key::new("r").unwrap(),
        rule_version: 1,
        source_event: EventId::new("e").unwrap(),
        point_type: Key::new("points").unwrap(),
        order_id: "o".to_owned(),
        asked: earned,
        earned,
        taken_back: 0,
        landing: Landing { release: None, expires_at: None, origin: UserId::new("u").unwrap() },
        payer: Payer::default(),
    }
}

proptest! {
    #[test]
    fn refunds_and_completion_in_any_order_end_the_same(
        earned in 1i64..1_000_000_000_000,
        parts in prop::collection::vec(1i64..1_000_000, 1..6),
        unrefunded in 0i64..1_000_000,
        cancelled in any::<bool>(),
        order in any::<u64>(),
    ) {
        let total = parts.iter().sum::<i64>() + unrefunded;
        let mut sum = 0;
        let mut facts = vec![Known::Completed];
        for part in &parts {
            sum += part;
            facts.push(Known::Refunded(sum));
        }
        if cancelled {
            facts.push(Known::Cancelled);
        }
        let want = net(earned, total, &facts);
        if cancelled || unrefunded == 0 {
            prop_assert_eq!(want, 0);
        }
        let mut seed = order;
        for n in (1..facts.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            facts.swap(n, (seed >> 33) as usize % (n + 1));
        }
        prop_assert_eq!(net(earned, total, &facts), want, "{:?}", facts);
    }

    #[test]
    fn one_refund_takes_what_its_parts_would(earned in 1i64..1_000_000, total in 1i64..1_000_000, share in 0.0f64..1.0) {
        let refunded = (total as f64 * share) as i64;
        let steps = [Known::Completed, Known::Refunded(refunded / 3), Known::Refunded(refunded / 2), Known::Refunded(refunded)];
        let at_once = [Known::Completed, Known::Refunded(refunded)];
        prop_assert_eq!(net(earned, total, &steps), net(earned, total, &at_once));
    }
}
