//! Random histories of events, refunds, refusals and redemptions, cut into batches at random, against a plain model that
//! counts everything anew from its list of grants.

use std::collections::BTreeMap;
use std::sync::Arc;

use ids::{EventId, Key, TenantId, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;

use super::book::{Book, Effect, Loaded, Terms, Written};
use super::campaign::{Definition, Returns, Reward, UserLimit, Version};
use super::decision::Outcome;
use super::grant::{Fate, Figures, Gift, GrantKey};
use super::incoming::{GivesBack, Incoming};
use super::period::Period;
use super::trigger::Happening;
use rules::Written as Condition;

const TOTAL: i64 = 100;
const START: OffsetDateTime = datetime!(2026-03-08 0:00 UTC);

#[derive(Debug, Clone)]
enum Op {
    /// A user completes an order for so many points on a day.
    Happens {
        user: u8,
        order: u8,
        day: i64,
        points: i64,
    },
    /// So much of an order's total is given back, in all.
    Refund {
        user: u8,
        order: u8,
        sum: i64,
    },
    Cancel {
        user: u8,
        order: u8,
    },
    /// The n-th grant so far is refused, spent, lapses.
    Becomes {
        grant: usize,
        fate: Fate,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (user, order) = (0u8..3, 0u8..4);
    let fate = prop_oneof![Just(Fate::Refused), Just(Fate::Spent), Just(Fate::Lapsed), Just(Fate::Open)];
    prop_oneof![
        6 => (user.clone(), order.clone(), 0i64..2, 1i64..60)
            .prop_map(|(user, order, day, points)| Op::Happens { user, order, day, points }),
        2 => (user.clone(), order.clone(), 1i64..=TOTAL).prop_map(|(user, order, sum)| Op::Refund { user, order, sum }),
        1 => (user, order).prop_map(|(user, order)| Op::Cancel { user, order }),
        3 => (0usize..40, fate).prop_map(|(grant, fate)| Op::Becomes { grant, fate }),
    ]
}

fn definition(reward: Reward, budget: i64, group: &str, priority: i32, returns: i32) -> Definition {
    Definition {
        display_name: LocalizedText::default(),
        event_type: "order.completed".to_owned(),
        condition: Condition::Always,
        valid_from: None,
        valid_until: None,
        event_age_max_s: 86_400,
        priority,
        exclusion_group: group.to_owned(),
        holdout_bp: 0,
        zone: "UTC".to_owned(),
        user_limits: Vec::new(),
        grants_max: 0,
        budget: Some(budget),
        returns: Returns::from_code(returns).unwrap(),
        cost_centre: String::new(),
        funder: 1,
        reward,
    }
}

fn version(id: &str, definition: Definition) -> Version {
    let compiled = Arc::new(definition.compile().unwrap());
    Version { campaign_id: Key::new(id).unwrap(), version: 1, definition: Arc::new(definition), compiled }
}

fn campaigns() -> Vec<Version> {
    let points = || "points".to_owned();
    let formula = Reward::Points { point_type_id: points(), formula: "order.total_minor".to_owned() };
    let random = Reward::RandomPoints { point_type_id: points(), min: 1, max: 20 };
    let coupon = Reward::Coupon { template_id: "ten-off".to_owned(), cost_minor: 30, currency: "CNY".to_owned() };
    let limits = vec![UserLimit { period: Period::Day, max: 2 }, UserLimit { period: Period::Always, max: 3 }];
    vec![
        version("a", Definition { user_limits: limits, ..definition(formula, 200, "g", 10, 4) }),
        version("b", Definition { grants_max: 5, ..definition(random, 60, "g", 5, 1) }),
        version("c", Definition { grants_max: 4, ..definition(coupon, 150, "", 1, 2) }),
    ]
}

fn user(n: u8) -> UserId {
    UserId::new(format!("u{n}")).unwrap()
}

fn happening(n: usize, op: &Op) -> Option<Incoming> {
    let (who, order, at) = match op {
        Op::Happens { user, order, day, .. } => (*user, *order, START + Duration::days(*day)),
        Op::Refund { user, order, .. } | Op::Cancel { user, order } => (*user, *order, START),
        Op::Becomes { .. } => return None,
    };
    let mut seen = Happening::default();
    let (triggers, gives_back) = match op {
        Op::Happens { points, .. } => {
            seen.set("order.total_minor", *points);
            (Some(seen), None)
        }
        Op::Refund { sum, .. } => (None, Some(GivesBack::Refund { refunded_minor: *sum, total_minor: TOTAL })),
        _ => (None, Some(GivesBack::Cancel)),
    };
    Some(Incoming {
        user: user(who),
        event_id: EventId::new(format!("e{n}")).unwrap(),
        event_type: "order.completed".to_owned(),
        root_event_id: format!("e{n}"),
        last_hop: false,
        occurred_at: at,
        recorded_at: at + Duration::hours(1),
        order_id: format!("o{order}"),
        triggers,
        gives_back,
        moved: None,
        bought_minor: None,
    })
}

/// Whether a coupon may still be voided: what the store of coupons answers.
type Coupons = BTreeMap<GrantKey, bool>;

fn follow(book: &mut Book<'_>, effects: Vec<Effect>, coupons: &mut Coupons) {
    for effect in effects {
        match effect {
            Effect::Granted(key) if matches!(book.grant(&key).unwrap().gift, Gift::Coupon(_)) => {
                coupons.insert(key, true);
            }
            Effect::Void(key) if coupons.get(&key) == Some(&true) => {
                coupons.insert(key.clone(), false);
                book.coupon_voided(&key);
            }
            Effect::Granted(_) | Effect::Revoked(..) | Effect::Void(_) => {}
        }
    }
}

fn keep(rows: &mut Loaded, written: Written) -> Vec<(String, String, Outcome)> {
    for (key, change) in written.figures {
        *rows.figures.entry(key).or_default() += change;
    }
    rows.uses.extend(written.uses);
    rows.grants.extend(written.grants);
    rows.reversals.extend(written.reversals);
    rows.exposures.extend(written.exposures);
    let told = written.decisions.iter();
    told.map(|it| (it.campaign_id.to_string(), it.source_event.to_string(), it.verdict.outcome)).collect()
}

fn copy(rows: &Loaded) -> Loaded {
    Loaded {
        figures: rows.figures.clone(),
        uses: rows.uses.clone(),
        grants: rows.grants.clone(),
        reversals: rows.reversals.clone(),
        exposures: rows.exposures.clone(),
    }
}

/// One grant of the plain model.
#[derive(Debug, Clone, PartialEq)]
struct Plain {
    user: u8,
    order: u8,
    campaign: usize,
    event: usize,
    day: i64,
    amount: i64,
    cost: i64,
    reserved: i64,
    taken_back: i64,
    fate: Fate,
}

#[derive(Default)]
struct Model {
    grants: Vec<Plain>,
    given_back: BTreeMap<(u8, u8), i64>,
    decisions: Vec<(String, String, Outcome)>,
}

const IDS: [&str; 3] = ["a", "b", "c"];
const BUDGETS: [i64; 3] = [200, 60, 150];

impl Plain {
    fn stands(&self) -> bool {
        let gone = self.taken_back == self.amount && self.campaign != 1;
        self.fate != Fate::Refused && !gone
    }

    /// What it holds of the budget: only campaign a returns it.
    fn holds(&self) -> i64 {
        match self.fate {
            Fate::Refused | Fate::Lapsed => 0,
            Fate::Open | Fate::Spent if self.campaign == 0 => self.cost - self.taken_back,
            Fate::Open | Fate::Spent => self.cost,
        }
    }

    fn catch_up(&mut self, sum: i64) {
        let coupon = self.campaign == 2;
        if matches!(self.fate, Fate::Refused | Fate::Lapsed) || (coupon && self.fate == Fate::Spent) {
            return;
        }
        self.taken_back = self.taken_back.max(self.amount * sum / TOTAL);
    }
}

impl Model {
    fn standing(&self, keep: impl Fn(&Plain) -> bool) -> usize {
        self.grants.iter().filter(|grant| grant.stands() && keep(grant)).count()
    }

    fn held(&self, campaign: usize) -> i64 {
        self.grants.iter().filter(|grant| grant.campaign == campaign).map(Plain::holds).sum()
    }

    fn happens(&mut self, event: usize, (who, order): (u8, u8), day: i64, points: i64) {
        let sum = self.given_back.get(&(who, order)).copied().unwrap_or(0);
        let mut group_granted = false;
        for campaign in 0..3 {
            let of_user = |it: &Plain| it.campaign == campaign && it.user == who;
            let drawn = super::chance::drawn(&tenant(), ("b", 1), (&format!("e{event}"), &user(who)), (1, 20));
            let (amount, reserved, cost) = [(points, points, points), (drawn, 20, drawn), (1, 30, 30)][campaign];
            let all = self.standing(|it| it.campaign == campaign);
            let outcome = if campaign == 1 && group_granted {
                Outcome::Excluded
            } else if sum == TOTAL {
                Outcome::OrderReturned
            } else if campaign == 0
                && (self.standing(|it| of_user(it) && it.day == day) >= 2 || self.standing(of_user) >= 3)
            {
                Outcome::UserLimit
            } else if (campaign == 1 && all >= 5) || (campaign == 2 && all >= 4) {
                Outcome::TotalLimit
            } else if self.held(campaign) + reserved > BUDGETS[campaign] {
                Outcome::Budget
            } else {
                Outcome::Granted
            };
            if outcome == Outcome::Granted {
                group_granted |= campaign == 0;
                let mut grant = Plain {
                    user: who,
                    order,
                    campaign,
                    event,
                    day,
                    amount,
                    cost,
                    reserved,
                    taken_back: 0,
                    fate: Fate::Open,
                };
                grant.catch_up(sum);
                self.grants.push(grant);
            }
            self.decisions.push((IDS[campaign].to_owned(), format!("e{event}"), outcome));
        }
    }

    fn given_back(&mut self, who: u8, order: u8, sum: i64) {
        let known = self.given_back.entry((who, order)).or_default();
        *known = (*known).max(sum);
        let sum = *known;
        for grant in self.grants.iter_mut().filter(|it| it.user == who && it.order == order) {
            grant.catch_up(sum);
        }
    }

    fn becomes(&mut self, grant: usize, fate: Fate) {
        let Some(it) = self.grants.get_mut(grant) else { return };
        if !possible(it.campaign == 2, it.fate, fate, it.taken_back == it.amount) {
            return;
        }
        it.fate = fate;
        let sum = self.given_back.get(&(it.user, it.order)).copied().unwrap_or(0);
        it.catch_up(sum);
    }
}

/// What can become of a gift at all: points are refused or posted once, a coupon is used, returned, or lapses; one that
/// was voided for its order is not used any more.
fn possible(coupon: bool, now: Fate, then: Fate, gone: bool) -> bool {
    match (now, then) {
        (Fate::Open, Fate::Spent | Fate::Lapsed) if coupon => !gone,
        (Fate::Spent, Fate::Open) => coupon,
        (Fate::Open, Fate::Spent | Fate::Refused) => !coupon,
        _ => false,
    }
}

fn tenant() -> TenantId {
    TenantId::new("shop").unwrap()
}

/// Runs the history in batches; answers the rows and the decisions.
fn run(ops: &[Op], cuts: &[bool]) -> (Loaded, Vec<(String, String, Outcome)>) {
    let (tenant, campaigns) = (tenant(), campaigns());
    let candidates: Vec<&Version> = campaigns.iter().collect();
    let gift_id = |user: &UserId, campaign: &Key, event: &EventId| format!("{user}/{campaign}/{event}");
    let terms = Terms { tenant: &tenant, global_holdout_bp: 0, gift_id };
    let mut rows = Loaded::default();
    let mut coupons = Coupons::new();
    let mut decisions = Vec::new();
    let mut made: Vec<GrantKey> = Vec::new();
    let mut book = Book::new(terms, copy(&rows));
    for (n, op) in ops.iter().enumerate() {
        if cuts[n % cuts.len()] {
            decisions.extend(keep(&mut rows, book.close()));
            book = Book::new(terms, copy(&rows));
        }
        let effects = match (op, happening(n, op)) {
            (_, Some(incoming)) => {
                let effects = book.apply(&incoming, &candidates);
                made.extend(effects.iter().filter_map(|effect| match effect {
                    Effect::Granted(key) => Some(key.clone()),
                    _ => None,
                }));
                effects
            }
            (Op::Becomes { grant, fate }, None) => match made.get(*grant).cloned() {
                Some(key) => {
                    let it = book.grant(&key).unwrap();
                    let coupon = matches!(it.gift, Gift::Coupon(_));
                    if possible(coupon, it.fate, *fate, it.taken_back == it.amount) {
                        coupons.insert(key.clone(), *fate == Fate::Open);
                        book.settle(&key, *fate)
                    } else {
                        Vec::new()
                    }
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        };
        follow(&mut book, effects, &mut coupons);
    }
    decisions.extend(keep(&mut rows, book.close()));
    (rows, decisions)
}

fn model(ops: &[Op]) -> Model {
    let mut model = Model::default();
    for (n, op) in ops.iter().enumerate() {
        match op {
            Op::Happens { user, order, day, points } => model.happens(n, (*user, *order), *day, *points),
            Op::Refund { user, order, sum } => model.given_back(*user, *order, *sum),
            Op::Cancel { user, order } => model.given_back(*user, *order, TOTAL),
            Op::Becomes { grant, fate } => model.becomes(*grant, *fate),
        }
        for (campaign, budget) in BUDGETS.iter().enumerate() {
            assert!(model.held(campaign) <= *budget);
        }
    }
    model
}

proptest! {
    #[test]
    fn any_history_in_any_batches_ends_as_the_plain_model_does(
        ops in prop::collection::vec(op(), 1..60),
        cuts in prop::collection::vec(any::<bool>(), 1..7),
    ) {
        let (rows, decisions) = run(&ops, &cuts);
        let model = model(&ops);
        prop_assert_eq!(&decisions, &model.decisions);
        let plain: BTreeMap<_, _> = model.grants.iter()
            .map(|it| ((it.user, it.campaign, it.event), (it.amount, it.reserved, it.cost, it.taken_back, it.fate)))
            .collect();
        let kept: BTreeMap<_, _> = rows.grants.iter().map(|(key, it)| {
            let who: u8 = key.0.as_str()[1..].parse().unwrap();
            let campaign = IDS.iter().position(|id| *id == key.1.as_str()).unwrap();
            let event: usize = key.2.as_str()[1..].parse().unwrap();
            ((who, campaign, event), (it.amount, it.reserved, it.cost, it.taken_back, it.fate))
        }).collect();
        prop_assert_eq!(kept, plain);
        for (campaign, id) in IDS.iter().enumerate() {
            let key = Key::new(*id).unwrap();
            let figures = rows.figures.get(&key).copied().unwrap_or_default();
            prop_assert_eq!(figures.used(), model.held(campaign));
            prop_assert!(figures.used() <= BUDGETS[campaign] && figures.used() >= 0);
            prop_assert!(figures.spent + figures.released <= figures.committed);
            let mut sum = Figures::default();
            rows.grants.iter().filter(|(it, _)| it.1 == key).for_each(|(_, grant)| sum += grant.figures());
            prop_assert_eq!(figures, sum);
            prop_assert_eq!(figures.standing, model.standing(|it| it.campaign == campaign) as i64);
        }
        for ((who, campaign, bucket), used) in &rows.uses {
            let of_bucket = rows.grants.iter().filter(|(key, grant)| {
                key.0 == *who && key.1 == *campaign && grant.stands() && grant.buckets.contains(bucket)
            });
            prop_assert_eq!(*used, of_bucket.count() as i64, "{} {} {}", who, campaign, bucket);
        }
    }

    #[test]
    fn points_and_refunds_of_an_order_in_either_order_end_the_same(points in 1i64..60, sum in 1i64..TOTAL) {
        let happens = Op::Happens { user: 0, order: 0, day: 0, points };
        let refund = Op::Refund { user: 0, order: 0, sum };
        let ends = |ops: &[Op]| {
            let (rows, _) = run(ops, &[false]);
            let left = |(key, it): (&GrantKey, &super::grant::Grant)| (key.1.to_string(), it.amount - it.taken_back);
            let figures: Vec<_> = rows.figures.iter().map(|(key, it)| (key.to_string(), it.used())).collect();
            (rows.grants.iter().map(left).filter(|(id, _)| id == "a").collect::<Vec<_>>(), figures[0].clone())
        };
        prop_assert_eq!(ends(&[happens.clone(), refund.clone()]), ends(&[refund, happens]));
    }
}
