//! Whatever happens to a member, it is the same whether the review came by every few hours or never did.

use ids::EventId;
use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::expiry::{Expiry, Stretch};
use super::level_act::Act;
use super::member::GrantKind;
use super::scheme::level::Level;
use super::scheme::policy::{Downgrade, PeriodEnd, Policy, Upgrade, Validity};
use super::scheme::{Basis, Measure, Scheme};
use super::standing_tests::{Run, key, scheme};

#[derive(Debug, Clone)]
enum Op {
    Wait { hours: i64 },
    Earn { orders: bool, points: i64 },
    TakeBack { points: i64 },
    Grant { rank: usize, begins_in: i64, lasts: Option<i64> },
    EndGrant { nth: i64 },
    Lock { rank: usize, lasts: Option<i64> },
    Unlock,
}

fn op() -> impl Strategy<Value = Op> {
    let lasts = || prop_oneof![Just(None), (1..4_000i64).prop_map(Some)];
    prop_oneof![
        4 => (1..3_000i64).prop_map(|hours| Op::Wait { hours }),
        4 => (any::<bool>(), 1..150i64).prop_map(|(orders, points)| Op::Earn { orders, points }),
        1 => (1..150i64).prop_map(|points| Op::TakeBack { points }),
        1 => (0..3usize, 0..2_000i64, lasts()).prop_map(|(rank, begins_in, lasts)| Op::Grant { rank, begins_in, lasts }),
        1 => (1..6i64).prop_map(|nth| Op::EndGrant { nth }),
        1 => (0..4usize, lasts()).prop_map(|(rank, lasts)| Op::Lock { rank, lasts }),
        1 => Just(Op::Unlock),
    ]
}

fn a_scheme(id: &'static str) -> impl Strategy<Value = Scheme> {
    let basis = prop_oneof![Just(Basis::Growth), Just(Basis::Unexpired), Just(Basis::Period)];
    let end = prop_oneof![
        Just(PeriodEnd::Keep),
        Just(PeriodEnd::Reset),
        Just(PeriodEnd::SubtractThreshold),
        Just(PeriodEnd::ToFloor)
    ];
    let rounding = prop_oneof![Just(None), Just(Some(Stretch::Quarter)), Just(Some(Stretch::Year))];
    let validity = (1..14u32, rounding, end);
    let downgrade = prop_oneof![Just(Downgrade::AtReview), Just(Downgrade::AtOnce), Just(Downgrade::Never)];
    let policy = (any::<bool>(), downgrade, any::<bool>(), 0..20u32, 0..20u32, 0..20u32);
    (proptest::collection::vec(basis, 1..3), any::<bool>(), proptest::option::of(validity), policy).prop_map(
        move |(
            bases,
            any,
            validity,
            (at_once, downgrade, one_step, grace_days, protection_days, review_delay_days),
        )| {
            let measure =
                |(n, basis): (usize, &Basis)| Measure { point_type: key(["growth", "orders"][n]), basis: *basis };
            let level = |n: i64| Level {
                threshold: n * 100,
                further_thresholds: if bases.len() > 1 { vec![n * 60] } else { Vec::new() },
                by_invitation: n == 2,
                ..Level::default()
            };
            let upgrade = if at_once { Upgrade::AtOnce } else { Upgrade::AtReview };
            Scheme {
                measures: bases.iter().enumerate().map(measure).collect(),
                any,
                levels: (0..5).map(level).collect(),
                validity: validity.map(|(months, rounding, end)| Validity { months, rounding, end }),
                policy: Policy { upgrade, downgrade, one_step, grace_days, protection_days, review_delay_days },
                ..scheme(id, &[0])
            }
        },
    )
}

/// The moves as they are told, without when they were booked.
fn play(schemes: &[Scheme], expiry: Expiry, ops: &[Op], often: bool) -> (Vec<String>, String) {
    let mut run = Run::with_expiry(expiry, schemes.iter().cloned());
    let mut now = datetime!(2026-01-31 07:00 UTC);
    let mut told = run.earn_told("growth", 1, now);
    let mut earned = 1;
    for op in ops {
        match op {
            Op::Wait { hours } => {
                let until = now + Duration::hours(*hours);
                while often && now < until {
                    now += Duration::hours(7);
                    told.extend(run.settle_told(now.min(until)));
                }
                now = until;
            }
            Op::Earn { orders, points } => {
                earned += if *orders { 0 } else { *points };
                told.extend(run.earn_told(if *orders { "orders" } else { "growth" }, *points, now));
            }
            Op::TakeBack { points } => {
                let points = (*points).min(earned);
                earned -= points;
                if points > 0 {
                    told.extend(run.take_back_told(points, now));
                }
            }
            Op::Grant { rank, begins_in, lasts } => {
                let from = now + Duration::hours(*begins_in);
                let until = lasts.map(|hours| from + Duration::hours(hours));
                let act = Act::Grant { kind: GrantKind::Staff, rank: *rank, from: Some(from), until };
                told.extend(run.act_told(&act, now));
            }
            Op::EndGrant { nth } => {
                told.extend(run.act_told(&Act::EndGrant(EventId::new(format!("g{nth}")).unwrap()), now));
            }
            Op::Lock { rank, lasts } => {
                let until = lasts.map(|hours| now + Duration::hours(hours));
                told.extend(run.act_told(&Act::Lock { rank: *rank, until }, now));
            }
            Op::Unlock => told.extend(run.act_told(&Act::Unlock, now)),
        }
    }
    told.extend(run.settle_told(now));
    (told, format!("{:?}", run.members()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn moves_and_standings_do_not_depend_on_when_the_review_comes_by(
        first in a_scheme("vip"),
        second in a_scheme("club"),
        days in prop_oneof![Just(None), (5..200u32).prop_map(Some)],
        ops in proptest::collection::vec(op(), 1..20),
    ) {
        // contradictory: the count of a period begins anew at 0, which is no reason to fall
        for it in [&first, &second] {
            let begins_anew = it.measures.iter().any(|it| it.basis == Basis::Period);
            prop_assume!(!begins_anew || it.policy.downgrade != Downgrade::AtOnce);
        }
        let expiry = days.map_or(Expiry::EndOf(Stretch::HalfYear), |days| Expiry::Days(days, None));
        let schemes = [first, second];
        let often = play(&schemes, expiry, &ops, true);
        let seldom = play(&schemes, expiry, &ops, false);
        prop_assert_eq!(often, seldom);
    }
}
