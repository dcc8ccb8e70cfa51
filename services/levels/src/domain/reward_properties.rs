//! Rewards and revocations, confirmations, cancellations and returns end the same in whatever order they become known.

use std::collections::BTreeMap;

use ids::{EventId, Key, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use super::account::{Account, Occasion};
use super::book::{AccountKey, Book, Programme, What};
use super::entry::Origin;
use super::expiry::Expiry;
use super::hold::HoldState;
use super::point_type::{PointType, ReversalPolicy};
use super::reward::{Carried, Fault, Grant, Rewards, Says, Told};

const START: OffsetDateTime = datetime!(2026-01-20 07:00 UTC);

fn key() -> AccountKey {
    (UserId::new("u").unwrap(), Key::new("points").unwrap())
}

fn programme(reversal: ReversalPolicy) -> Programme {
    let zone = Zone::new("Asia/Shanghai").unwrap();
    let point_type = PointType { expiry: Expiry::Days(10, None), reversal, ..PointType::new(key().1, zone) };
    Programme { types: [(key().1, point_type)].into(), ..Programme::default() }
}

fn hold_id() -> EventId {
    EventId::new("h").unwrap()
}

fn told(says: Says) -> Told {
    Told { user: key().0, occurred_at: START, recorded_at: START + Duration::hours(3), says }
}

fn grant(point_type: &str, amount: i64) -> Says {
    let grant = Grant {
        point_type: point_type.to_owned(),
        amount,
        reason: String::new(),
        campaign_id: "c".to_owned(),
        funder: 1,
        cost_centre: String::new(),
        order_id: String::new(),
    };
    Says::Granted { reward_id: "r".to_owned(), grant }
}

fn revoked(amount: i64) -> Says {
    Says::Revoked { reward_id: "r".to_owned(), amount, order_id: String::new() }
}

fn confirmed(points: i64) -> Says {
    Says::Confirmed { hold_id: hold_id(), order_id: "o".to_owned(), points }
}

fn returned(points: i64) -> Says {
    Says::Returned { hold_id: hold_id(), order_id: "o".to_owned(), points }
}

/// Applies the events to an account with 70 points of which a hold keeps 50 for so many hours.
fn run(reversal: ReversalPolicy, hours: i64, events: &[Says]) -> (Account, Vec<(HoldState, i64, i64)>, Vec<Carried>) {
    let programme = programme(reversal);
    let mut book = Book::new(&programme, [(key(), Account::default())].into(), BTreeMap::new());
    book.earn(&key(), 70, Occasion::default(), START).unwrap();
    book.hold(&key(), hold_id(), (50, Duration::hours(hours)), Origin::default(), START).unwrap();
    let mut rewards = Rewards::new(BTreeMap::new(), [((key().0, hold_id()), key().1)].into());
    for says in events {
        rewards.apply(&mut book, &told(says.clone())).unwrap();
    }
    let written = book.close();
    let carried = written.effects.into_iter().filter_map(|effect| match effect.what {
        What::Rewarded { carried, .. } => Some(carried),
        _ => None,
    });
    let carried = carried.collect();
    let holds = written.holds.into_iter().map(|(_, hold)| (hold.state, hold.captured, hold.given_back));
    (written.accounts.into_iter().next().unwrap().1, holds.collect(), carried)
}

#[test]
fn a_reward_is_carried_out_once_and_a_refusal_names_its_reason() {
    let policy = ReversalPolicy::DownToZero;
    let (account, _, carried) = run(policy, 9, &[grant("points", 30), grant("points", 30)]);
    let fulfilled = Carried::Fulfilled { point_type: key().1, amount: 30, entry_seq: 2 };
    assert_eq!((account.balance(), carried), (100, vec![fulfilled]));
    for (says, fault) in [
        (grant("nothing", 30), Fault::PointTypeNotFound),
        (grant("Not A Key", 30), Fault::PointTypeNotFound),
        (grant("points", 0), Fault::AmountInvalid),
        (grant("points", i64::MAX), Fault::AmountInvalid),
    ] {
        let (account, _, carried) = run(policy, 9, &[says.clone(), revoked(5), says]);
        assert_eq!((account.balance(), carried), (70, vec![Carried::Refused(fault)]));
    }
}

#[test]
fn a_confirmation_wins_over_a_cancellation_whichever_is_known_first() {
    let cancelled = Says::Cancelled { hold_id: hold_id() };
    let one = run(ReversalPolicy::DownToZero, 9, &[confirmed(50), cancelled.clone()]);
    let two = run(ReversalPolicy::DownToZero, 9, &[cancelled, confirmed(50)]);
    assert_eq!((one.0.lots, &one.1), (two.0.lots, &two.1));
    assert_eq!(one.1, [(HoldState::Captured, 50, 0)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_order_events_become_known_in_the_account_ends_the_same(
        reversal in prop::sample::select(vec![ReversalPolicy::DownToZero, ReversalPolicy::MayGoNegative]),
        (granted, first, second) in (1i64..60, 1i64..60, 1i64..60),
        (points, back, more) in (1i64..60, 1i64..60, 1i64..60),
        hours in 1i64..9,
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let events = [
            grant("points", granted),
            revoked(first),
            revoked(second),
            confirmed(points),
            confirmed(points),
            returned(back),
            returned(more),
            grant("points", granted),
        ];
        let shuffled: Vec<_> = order.iter().map(|n| events[*n].clone()).collect();
        let (one, holds, carried) = run(reversal, hours, &events);
        let (two, other_holds, other_carried) = run(reversal, hours, &shuffled);
        prop_assert_eq!(holds, other_holds);
        prop_assert_eq!(carried.len(), other_carried.len());
        let wanted = points.min(50);
        let sum = 70 + granted - granted.min(first.max(second)) - wanted + wanted.min(back.max(more));
        prop_assert_eq!((one.balance(), one.debt, one.held), (sum, 0, 0));
        prop_assert_eq!((two.balance(), two.debt, two.held), (sum, 0, 0));
        prop_assert_eq!(one.growth, two.growth);
    }
}
