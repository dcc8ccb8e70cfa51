//! Refunds, cancellation and completion in whatever order they become known end the same.

use ids::{EventId, Key, UserId};
use proptest::prelude::*;
use rules::Ratio;

use super::entry::Payer;
use super::line_rate::{Line, LineRate};
use super::order::{Earning, OrderCourse, Refund};
use super::parts::{Parts, ReturnedLine};
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
            Known::Refunded(so_far) => {
                course.refund(&Refund {
                    refund_id: so_far.to_string(),
                    refunded_minor: *so_far,
                    total_minor: total,
                    ..Refund::default()
                });
            }
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
        parts: None,
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

    #[test]
    fn refunds_by_line_in_any_order_take_back_the_same_and_all_of_them_everything(
        lines in prop::collection::vec((1i64..20, 0i64..50_000, 0i64..30, 0i32..500), 1..6),
        formula in (0i64..5_000, 1i64..7),
        earned in 1i64..100_000,
        freight in 0i64..900,
        returned in prop::collection::vec((0usize..6, 0.0f64..1.0, any::<bool>()), 1..8),
        order in any::<u64>(),
    ) {
        let line = |(n, (quantity, paid_minor, ..)): (usize, &(i64, i64, i64, i32))| Line {
            line_id: n.to_string(),
            sku: n.to_string(),
            category: String::new(),
            quantity: *quantity,
            paid_minor: *paid_minor,
        };
        let rate = |(n, it): (usize, &(i64, i64, i64, i32))| LineRate {
            skus: vec![n.to_string()],
            points_per_piece: it.2,
            rate_basis_points: it.3,
            ..LineRate::default()
        };
        let rates: Vec<LineRate> = lines.iter().enumerate().map(rate).collect();
        let bought: Vec<Line> = lines.iter().enumerate().map(line).collect();
        let parts = Parts::of(Ratio::new(formula.0.into(), formula.1.into()).unwrap(), &rates, &bought);
        let total = bought.iter().map(|it| it.paid_minor).sum::<i64>() + freight + 1;
        // what is left of each line, taken in parts: by line, or by money alone
        let mut left: Vec<(i64, i64)> = bought.iter().map(|it| (it.quantity, it.paid_minor)).collect();
        let (mut refunds, mut sum) = (Vec::new(), 0);
        for (n, share, named) in returned {
            let n = n % left.len();
            let (quantity, amount) = ((left[n].0 as f64 * share) as i64, (left[n].1 as f64 * share) as i64);
            left[n] = (left[n].0 - quantity, left[n].1 - amount);
            sum += amount;
            let lines = vec![(n.to_string(), ReturnedLine { quantity, amount_minor: amount })];
            let lines = if named { lines } else { Vec::new() };
            let refund_id = refunds.len().to_string();
            refunds.push(Refund { refund_id, refunded_minor: sum, total_minor: total, amount_minor: amount, lines });
        }
        let due = |refunds: &[Refund]| {
            let (mut course, mut due) = (OrderCourse::default(), 0);
            for refund in refunds {
                course.refund(refund);
                let next = course.due(earned, parts.as_ref());
                assert!((due..=earned).contains(&next), "never less than before: {next} after {due}");
                due = next;
            }
            due
        };
        let want = due(&refunds);
        let mut mixed = refunds.clone();
        let mut seed = order;
        for n in (1..mixed.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            mixed.swap(n, (seed >> 33) as usize % (n + 1));
        }
        prop_assert_eq!(due(&mixed), want, "{:?}", mixed);
        let refund_id = "rest".to_owned();
        let rest = Refund { refund_id, refunded_minor: total, total_minor: total, amount_minor: total - sum, lines: Vec::new() };
        mixed.push(rest);
        prop_assert_eq!(due(&mixed), earned, "everything once everything was refunded");
    }
}
