//! Any sequence of writes against a plain model that knows no lots.

use proptest::prelude::*;
use time::Duration;

use super::account_run::Run;
use super::expiry::{Expiry, Stretch};
use super::point_type::{Activation, ReversalPolicy};

#[derive(Debug, Clone)]
pub(super) enum Op {
    Earn { points: i64, days_ago: i64, order: Option<usize> },
    Complete { order: usize },
    Spend { points: i64 },
    TakeBack { nth: usize, points: i64 },
    Wait { hours: i64 },
    Reverse { nth: usize, points: i64 },
    Adjust { points: i64 },
    Send { points: i64 },
    Receive { points: i64, days: i64 },
    Hold { points: i64, hours: i64 },
    Resolve { nth: usize, points: i64, how: How },
}

/// What is done with a hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Capture,
    Release,
    GiveBack,
    Confirm,
    Cancel,
    Return,
}

fn any_op() -> impl Strategy<Value = Op> {
    let how = prop::sample::select(vec![
        How::Capture,
        How::Release,
        How::GiveBack,
        How::GiveBack,
        How::Confirm,
        How::Confirm,
        How::Cancel,
        How::Return,
    ]);
    prop_oneof![
        3 => (1i64..100, prop_oneof![Just(0i64), 0i64..60], prop::option::of(0usize..4))
            .prop_map(|(points, days_ago, order)| Op::Earn { points, days_ago, order }),
        1 => (0usize..4).prop_map(|order| Op::Complete { order }),
        2 => (1i64..150).prop_map(|points| Op::Spend { points }),
        3 => (any::<usize>(), 1i64..100).prop_map(|(nth, points)| Op::TakeBack { nth, points }),
        3 => (1i64..400).prop_map(|hours| Op::Wait { hours }),
        3 => (any::<usize>(), 0i64..100).prop_map(|(nth, points)| Op::Reverse { nth, points }),
        2 => prop_oneof![-80i64..0, 1i64..80].prop_map(|points| Op::Adjust { points }),
        1 => (1i64..80).prop_map(|points| Op::Send { points }),
        1 => (1i64..80, 1i64..40).prop_map(|(points, days)| Op::Receive { points, days }),
        4 => (1i64..80, 1i64..600).prop_map(|(points, hours)| Op::Hold { points, hours }),
        6 => (any::<usize>(), 0i64..80, how).prop_map(|(nth, points, how)| Op::Resolve { nth, points, how }),
    ]
}

fn any_expiry() -> impl Strategy<Value = Expiry> {
    prop::sample::select(vec![
        Expiry::Never,
        Expiry::Days(10, None),
        Expiry::Days(10, Some(Stretch::Quarter)),
        Expiry::Months(1, None),
        Expiry::EndOf(Stretch::Month),
        Expiry::EndOf(Stretch::Year),
        Expiry::Inactivity(12),
    ])
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![
        Activation::AtOnce,
        Activation::Days(1),
        Activation::Days(14),
        Activation::OrderCompleted,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn entries_lots_holds_and_balances_agree_with_a_plain_model_after_every_step(
        activation in any_activation(),
        expiry in any_expiry(),
        policy in prop::sample::select(vec![
            ReversalPolicy::DownToZero,
            ReversalPolicy::MayGoNegative,
            ReversalPolicy::PendingOnly,
        ]),
        overdraft in prop::sample::select(vec![0i64, 0, 40]),
        ops in prop::collection::vec(any_op(), 1..50),
    ) {
        let mut run = Run::new(activation, expiry, policy, overdraft);
        for op in &ops {
            run.apply(op);
            run.check();
        }
        // booking what has fallen due changes no answer, as of whatever time from now on
        let probes: Vec<_> = (0..60).map(|n| run.now + Duration::days(7 * n)).collect();
        let before: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        let at = run.now;
        run.in_book(|book, key| book.settle(key, at));
        run.check();
        let after: Vec<_> = probes.iter().map(|at| run.as_of(*at)).collect();
        prop_assert_eq!(before, after);
        prop_assert_eq!(run.account.next_due().filter(|date| *date <= at), None);
        prop_assert_eq!(run.account.claimed, run.model.claimed);
    }
}
