//! The order machine against a plain model of it, and its rules one by one.

use proptest::prelude::*;
use time::macros::{date, datetime};

use super::*;
use crate::domain::event::Mode;
use crate::domain::order::Line;
use crate::domain::refund::RefundLine;

const DAY: Date = date!(2026 - 03 - 01);

fn basket(order_id: &str, total: i64) -> Arc<Basket> {
    Arc::new(Basket {
        order_id: order_id.into(),
        parent_order_id: String::new(),
        lines: Vec::new(),
        freight: None,
        deposit: None,
        balance: None,
        total,
    })
}

/// Two lines of 60 and 30 and a freight of 10.
fn lined(order_id: &str) -> Arc<Basket> {
    let line = |line_id: &str, paid| Line {
        line_id: line_id.into(),
        sku: String::new(),
        category: String::new(),
        quantity: 1,
        list_price: None,
        paid,
        discounts: Vec::new(),
    };
    let lines = vec![line("1", 60), line("2", 30)];
    Arc::new(Basket { lines, freight: Some(10), ..(*basket(order_id, 100)).clone() })
}

fn refund(order_id: &str, refund_id: &str, amount: i64) -> Refund {
    Refund { refund_id: refund_id.into(), order_id: order_id.into(), lines: Vec::new(), freight: None, amount }
}

fn origin(n: usize) -> Origin {
    let occurred_at = datetime!(2026-03-01 12:00 UTC) + time::Duration::minutes(n as i64);
    Origin { event_id: format!("e{n}"), occurred_at, mode: Mode::Live, site: "app".into() }
}

fn take(user: &mut User, n: usize, report: &Report) -> Result<Vec<String>, Refusal> {
    user.take(&origin(n), report, DAY).map(|told| told.iter().map(label).collect())
}

/// What was told, without its payload.
fn label(told: &Told) -> String {
    let id = told.event_id();
    match &told.happened {
        Happened::UserCreated => format!("{id} known"),
        Happened::OrderCreated(basket) => format!("{id} created {}", basket.order_id),
        Happened::OrderPaid { basket, .. } => format!("{id} paid {}", basket.order_id),
        Happened::OrderCompleted { basket, .. } => format!("{id} completed {}", basket.order_id),
        Happened::OrderCancelled { basket, released } => format!("{id} cancelled {} {released}", basket.order_id),
        Happened::OrderRefunded { refund, refunded_total, .. } => {
            format!("{id} refunded {} {} {refunded_total}", refund.order_id, refund.refund_id)
        }
        Happened::Visited { seconds } => format!("{id} visited {seconds}"),
    }
}

#[test]
fn a_late_event_implies_the_earlier_ones_and_they_get_derived_ids() {
    let mut user = User { new: true, ..User::default() };
    let told = take(&mut user, 1, &Report::OrderCompleted(basket("a", 100)));
    assert_eq!(told.unwrap(), ["e1#profile known", "e1#created created a", "e1#paid paid a", "e1 completed a"]);
    let spend =
        Spend { orders: 1, net: 100, first_at: Some(origin(1).occurred_at), last_at: Some(origin(1).occurred_at) };
    assert_eq!(user.now.spend, spend);
    for report in [Report::OrderCreated(basket("a", 100)), Report::OrderPaid(basket("a", 100))] {
        assert_eq!(take(&mut user, 2, &report), Ok(vec![]), "an earlier step that comes late adds nothing");
    }
}

#[test]
fn a_refund_before_its_order_is_told_after_the_payment_under_its_own_id() {
    let mut user = User { new: true, ..User::default() };
    let early = take(&mut user, 1, &Report::OrderRefunded(refund("a", "r", 40)));
    assert_eq!(early.unwrap(), ["e1#profile known"]);
    assert_eq!(take(&mut user, 2, &Report::OrderCreated(basket("a", 100))).unwrap(), ["e2 created a"]);
    let told = take(&mut user, 3, &Report::OrderCompleted(basket("a", 100)));
    assert_eq!(told.unwrap(), ["e3#paid paid a", "e3 completed a", "e1 refunded a r 40"]);
    assert_eq!((user.now.spend.orders, user.now.spend.net), (1, 60));
}

#[test]
fn parked_refunds_are_applied_in_order_of_arrival_and_what_exceeds_waits_on() {
    let mut user = User::default();
    for (n, amount) in [(1, 70), (2, 50), (3, 30)] {
        take(&mut user, n, &Report::OrderRefunded(refund("a", &format!("r{n}"), amount))).unwrap();
    }
    let told = take(&mut user, 4, &Report::OrderPaid(basket("a", 100)));
    let want = ["e4#created created a", "e4 paid a", "e1 refunded a r1 70", "e3 refunded a r3 100"];
    assert_eq!(told.unwrap(), want);
    let waiting: Vec<_> = user.refunds["a"].iter().filter(|kept| !kept.value.applied).collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!((user.now.spend.orders, user.now.spend.net), (0, 0), "given back whole, it no longer counts");
}

#[test]
fn a_refund_of_a_line_never_exceeds_what_was_paid_for_the_line() {
    let mut user = User::default();
    take(&mut user, 1, &Report::OrderPaid(lined("a"))).unwrap();
    let of_line = |refund_id: &str, line_id: &str, amount| {
        let lines = vec![RefundLine { line_id: line_id.into(), quantity: 1, amount }];
        Report::OrderRefunded(Refund { lines, ..refund("a", refund_id, amount) })
    };
    take(&mut user, 2, &of_line("r1", "2", 20)).unwrap();
    for (line_id, refundable_minor) in [("2", 10), ("no such line", 0)] {
        let want = Refusal::RefundExceedsPaid {
            order_id: "a".into(),
            refund_id: "r2".into(),
            refundable_minor,
            part: Some(line_id.into()),
        };
        assert_eq!(take(&mut user, 3, &of_line("r2", line_id, 20)), Err(want));
    }
    take(&mut user, 4, &of_line("r3", "2", 10)).unwrap();
    let freight = Report::OrderRefunded(Refund { freight: Some(10), ..refund("a", "r4", 10) });
    take(&mut user, 5, &freight).unwrap();
    assert_eq!(user.orders["a"].value.refunded, 40);
}

#[test]
fn a_report_with_the_total_alone_agrees_with_a_detailed_one_and_other_details_do_not() {
    let mut user = User::default();
    take(&mut user, 1, &Report::OrderCreated(lined("a"))).unwrap();
    take(&mut user, 2, &Report::OrderPaid(basket("a", 100))).unwrap();
    let other_lines = Arc::new(Basket { freight: Some(20), ..(*lined("a")).clone() });
    for other in [basket("a", 101), other_lines] {
        let refused = take(&mut user, 3, &Report::OrderCompleted(other));
        assert_eq!(refused, Err(Refusal::OrderDiffers { order_id: "a".into() }));
    }
    take(&mut user, 4, &Report::OrderCompleted(lined("a"))).unwrap();
}

#[test]
fn visits_add_up_by_day_and_the_last_one_stays_the_last() {
    let mut user = User::default();
    take(&mut user, 9, &Report::Visit(30)).unwrap();
    take(&mut user, 1, &Report::Visit(0)).unwrap();
    assert_eq!(user.now.last_visit_at, Some(origin(9).occurred_at));
    assert_eq!(user.visits, BTreeMap::from([(DAY, Visits { count: 2, seconds: 30 })]));
}

/// The machine as one would explain it: four flags per order, and a list of refunds.
#[derive(Default)]
struct Model {
    orders: BTreeMap<String, Flags>,
    refunds: Vec<(String, String, i64, bool, usize)>,
}

#[derive(Default, Clone, Copy)]
struct Flags {
    total: i64,
    paid: bool,
    completed: bool,
    cancelled: bool,
}

impl Model {
    fn left(&self, order: &str) -> i64 {
        let flags = self.orders.get(order).copied().unwrap_or_default();
        let given: i64 = self.refunds.iter().filter(|r| r.0 == order && r.3).map(|r| r.2).sum();
        if flags.paid && !flags.cancelled { flags.total - given } else { 0 }
    }

    fn given(&self, order: &str) -> i64 {
        self.refunds.iter().filter(|r| r.0 == order && r.3).map(|r| r.2).sum()
    }

    fn take(&mut self, n: usize, report: &Report) -> Result<Vec<String>, &'static str> {
        match report {
            Report::OrderCreated(basket) => self.reach(n, basket, 1),
            Report::OrderPaid(basket) => self.reach(n, basket, 2),
            Report::OrderCompleted(basket) => self.reach(n, basket, 3),
            Report::OrderCancelled(id) => {
                let Some(flags) = self.orders.get(id).copied() else { return Err("unknown") };
                if flags.cancelled {
                    return Ok(vec![]);
                }
                if flags.completed {
                    return Err("state");
                }
                let left = self.left(id);
                self.orders.get_mut(id).unwrap().cancelled = true;
                Ok(vec![format!("e{n} cancelled {id} {left}")])
            }
            Report::OrderRefunded(refund) => {
                let (order, id) = (refund.order_id.clone(), refund.refund_id.clone());
                if let Some(known) = self.refunds.iter().find(|r| r.0 == order && r.1 == id) {
                    return if known.2 == refund.amount { Ok(vec![]) } else { Err("differs") };
                }
                let flags = self.orders.get(&order).copied().unwrap_or_default();
                let waits = !flags.paid && !flags.cancelled;
                if !waits && refund.amount > self.left(&order) {
                    return Err("exceeds");
                }
                self.refunds.push((order.clone(), id.clone(), refund.amount, !waits, n));
                Ok(if waits { vec![] } else { vec![format!("e{n} refunded {order} {id} {}", self.given(&order))] })
            }
            Report::Visit(seconds) => Ok(vec![format!("e{n} visited {seconds}")]),
        }
    }

    fn reach(&mut self, n: usize, basket: &Basket, level: u8) -> Result<Vec<String>, &'static str> {
        let id = basket.order_id.clone();
        let mut told = Vec::new();
        let known = self.orders.get(&id).copied();
        if let Some(flags) = known {
            if flags.total != basket.total {
                return Err("differs");
            }
            if flags.cancelled {
                return if level > 1 { Err("state") } else { Ok(vec![]) };
            }
        } else {
            self.orders.insert(id.clone(), Flags { total: basket.total, ..Flags::default() });
            told.push(if level > 1 { format!("e{n}#created created {id}") } else { format!("e{n} created {id}") });
        }
        let was_paid = known.is_some_and(|flags| flags.paid);
        let flags = self.orders.get_mut(&id).unwrap();
        if level >= 2 && !flags.paid {
            flags.paid = true;
            told.push(if level > 2 { format!("e{n}#paid paid {id}") } else { format!("e{n} paid {id}") });
        }
        if level >= 3 && !flags.completed {
            flags.completed = true;
            told.push(format!("e{n} completed {id}"));
        }
        if level >= 2 && !was_paid {
            for index in 0..self.refunds.len() {
                let (order, refund, amount, applied, event) = self.refunds[index].clone();
                if order == id && !applied && amount <= self.left(&id) {
                    self.refunds[index].3 = true;
                    told.push(format!("e{event} refunded {id} {refund} {}", self.given(&id)));
                }
            }
        }
        Ok(told)
    }
}

fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::OrderNotFound { .. } => "unknown",
        Refusal::OrderState { .. } => "state",
        Refusal::OrderDiffers { .. } | Refusal::RefundDiffers { .. } => "differs",
        Refusal::RefundExceedsPaid { .. } => "exceeds",
        _ => "something else",
    }
}

fn reports() -> impl Strategy<Value = Vec<Report>> {
    let order = || prop_oneof![Just("a"), Just("b")];
    // mostly the same total, so that most reports of an order agree
    let basket =
        move || (order(), prop_oneof![8 => Just(100), 1 => Just(0), 1 => Just(70)]).prop_map(|(id, n)| basket(id, n));
    let refunds = (order(), 1..5, prop_oneof![Just(30), Just(60), Just(100)])
        .prop_map(|(order, id, amount)| refund(order, &format!("r{id}"), amount));
    let report = prop_oneof![
        2 => basket().prop_map(Report::OrderCreated),
        3 => basket().prop_map(Report::OrderPaid),
        2 => basket().prop_map(Report::OrderCompleted),
        1 => order().prop_map(|id| Report::OrderCancelled(id.to_owned())),
        5 => refunds.prop_map(Report::OrderRefunded),
        1 => (0..9).prop_map(Report::Visit),
    ];
    prop::collection::vec(report, 0..40)
}

proptest! {
    #[test]
    fn the_machine_does_what_the_model_says(reports in reports()) {
        let (mut user, mut model) = (User::default(), Model::default());
        for (n, report) in reports.iter().enumerate() {
            let before = user.clone();
            let got = take(&mut user, n, report);
            if got.is_err() {
                prop_assert_eq!(&user, &before, "a refusal changes nothing");
            }
            prop_assert_eq!(got.map_err(|refusal| name(&refusal)), model.take(n, report), "at {}: {:?}", n, report);
        }
        for (id, kept) in &user.orders {
            prop_assert_eq!(kept.value.refunded, model.given(id));
            prop_assert!(kept.value.refunded <= kept.value.basket.total);
        }
        let spend = Spend::of(user.orders.values().map(|kept| &kept.value));
        prop_assert_eq!(user.now.spend, spend, "the running summary is that of the orders");
    }

    #[test]
    fn reporting_everything_again_under_other_ids_tells_nothing_of_orders(reports in reports()) {
        let mut user = User::default();
        for (n, report) in reports.iter().enumerate() {
            let _ = take(&mut user, n, report);
        }
        let accepted: Vec<&Report> = reports.iter().filter(|report| !matches!(report, Report::Visit(_))).collect();
        for (n, report) in accepted.into_iter().enumerate() {
            // what was refused at first may be possible by now, so a report may do something once, and never twice
            let _ = take(&mut user, 100 + n, report);
            let again = take(&mut user, 200 + n, report).unwrap_or_default();
            prop_assert_eq!(again, Vec::<String>::new());
        }
    }

    #[test]
    fn partial_refunds_give_the_same_sums_in_any_order(amounts in prop::collection::vec(1_i64..20, 1..6), pay_at in 0_usize..6, seed: u64) {
        let total: i64 = amounts.iter().sum();
        let mut order: Vec<usize> = (0..amounts.len()).collect();
        order.sort_by_key(|index| (*index as u64).wrapping_mul(seed | 1).rotate_left(17));
        let mut user = User::default();
        for (n, index) in order.iter().enumerate() {
            if n == pay_at.min(amounts.len() - 1) {
                take(&mut user, 90, &Report::OrderPaid(basket("a", total))).unwrap();
            }
            take(&mut user, n, &Report::OrderRefunded(refund("a", &format!("r{index}"), amounts[*index]))).unwrap();
        }
        prop_assert_eq!((user.orders["a"].value.refunded, user.now.spend.net, user.now.spend.orders), (total, 0, 0));
    }
}
