//! What users of a shop did, before it is put into the contract's form.

use proto::google::r#type::Money;
use proto::profiles::v1::{
    Discount, Funder, Order, OrderCancelledReport, OrderCompletedReport, OrderLine, OrderPaidReport,
    OrderRefundedReport, Refund, UserEvent, VisitReport, user_event::Report,
};
use time::OffsetDateTime;

/// One thing that one user did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deed {
    /// The same whenever the same input is read or generated again: a second replay changes nothing.
    pub event_id: String,
    /// The user, as the shop numbers them.
    pub user_id: String,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Line of the input file, where it came from one.
    pub line: Option<u64>,
    /// What was done.
    pub act: Act,
}

/// What a user did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// Opened the app.
    Visited {
        /// For how long.
        seconds: i32,
    },
    /// Paid an order.
    Paid(Basket),
    /// Received an order and kept it past its return window.
    Completed(Basket),
    /// Gave an order up.
    Cancelled {
        /// The order.
        order_id: String,
    },
    /// Sent goods of an order back that went over the till, which decides how much money that is.
    Returned {
        /// The order.
        order_id: String,
        /// Unique within the order.
        refund_id: String,
        /// True: all of it; false: what stands on its first line.
        whole: bool,
    },
    /// Got money back.
    Refunded {
        /// The order.
        order_id: String,
        /// Unique within the order.
        refund_id: String,
        /// How much, in minor units.
        amount_minor: i64,
    },
}

/// An order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Basket {
    /// Unique within the user.
    pub order_id: String,
    /// May be empty where only the total is known.
    pub lines: Vec<Line>,
    /// What was paid, in minor units; before it went over the till, what it costs by list.
    pub total_minor: i64,
    /// Whether it goes over the till, where coupons and points take something off.
    pub till: bool,
}

/// One line of an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Line {
    /// What was bought; may be empty.
    pub sku: String,
    /// Its category; may be empty.
    pub category: String,
    /// Pieces.
    pub quantity: i64,
    /// What was paid for all of them, in minor units.
    pub paid_minor: i64,
    /// What was taken off for all of them, by who pays for it.
    pub discounts: Vec<(Funder, i64)>,
}

impl Deed {
    /// The event in the contract's form.
    #[must_use]
    pub(crate) fn to_proto(&self, currency: &str) -> UserEvent {
        UserEvent {
            event_id: self.event_id.clone(),
            user_id: self.user_id.clone(),
            occurred_at: Some(units::time::to_proto(self.at)),
            site: String::new(),
            report: Some(self.act.to_proto(currency)),
        }
    }
}

impl Act {
    fn to_proto(&self, currency: &str) -> Report {
        match self {
            Act::Visited { seconds } => Report::Visit(VisitReport { duration_seconds: *seconds }),
            Act::Paid(basket) => Report::OrderPaid(OrderPaidReport { order: Some(basket.to_proto(currency)) }),
            Act::Completed(basket) => {
                Report::OrderCompleted(OrderCompletedReport { order: Some(basket.to_proto(currency)) })
            }
            Act::Cancelled { order_id } => Report::OrderCancelled(OrderCancelledReport { order_id: order_id.clone() }),
            Act::Refunded { order_id, refund_id, amount_minor } => {
                refunded(order_id, refund_id, *amount_minor, currency)
            }
            // the till has not said yet how much it is
            Act::Returned { order_id, refund_id, .. } => refunded(order_id, refund_id, 0, currency),
        }
    }
}

fn refunded(order_id: &str, refund_id: &str, amount_minor: i64, currency: &str) -> Report {
    let refund = Refund {
        refund_id: refund_id.to_owned(),
        order_id: order_id.to_owned(),
        amount: money(amount_minor, currency),
        ..Refund::default()
    };
    Report::OrderRefunded(OrderRefundedReport { refund: Some(refund) })
}

impl Line {
    /// The price of a piece before anything was taken off.
    pub(crate) fn list_minor(&self) -> i64 {
        let discounts: i64 = self.discounts.iter().map(|(_, minor)| minor).sum();
        (self.paid_minor + discounts) / self.quantity.max(1)
    }
}

impl Basket {
    fn to_proto(&self, currency: &str) -> Order {
        let line = |(index, line): (usize, &Line)| OrderLine {
            line_id: (index + 1).to_string(),
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            list_price: (!line.discounts.is_empty()).then(|| money(line.list_minor(), currency)).flatten(),
            paid: money(line.paid_minor, currency),
            discounts: line.discounts.iter().map(|(funder, minor)| discount(*funder, *minor, currency)).collect(),
        };
        Order {
            order_id: self.order_id.clone(),
            lines: self.lines.iter().enumerate().map(line).collect(),
            total: money(self.total_minor, currency),
            ..Order::default()
        }
    }
}

fn discount(funder: Funder, minor: i64, currency: &str) -> Discount {
    Discount { funder: funder.into(), amount: money(minor, currency) }
}

#[allow(clippy::unnecessary_wraps, reason = "message fields of the contract are optional in Rust")]
pub(crate) fn money(minor: i64, currency: &str) -> Option<Money> {
    Some(units::money::to_proto(minor, currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_reported_with_its_lines_and_total() {
        let lines = vec![
            Line { sku: "a".into(), category: "tea".into(), quantity: 2, paid_minor: 1250, discounts: vec![] },
            Line { sku: "b".into(), quantity: 1, paid_minor: 49, ..Line::default() },
        ];
        let deed = Deed {
            event_id: "e1".into(),
            user_id: "u1".into(),
            at: OffsetDateTime::UNIX_EPOCH,
            line: None,
            act: Act::Completed(Basket { order_id: "o1".into(), lines, total_minor: 1299, till: false }),
        };
        let event = deed.to_proto("USD");
        let Some(Report::OrderCompleted(report)) = event.report else { panic!("another report: {event:?}") };
        let order = report.order.expect("an order");
        let total = order.total.expect("a total");
        assert_eq!((total.currency_code.as_str(), total.units, total.nanos), ("USD", 12, 990_000_000));
        let ids: Vec<_> = order.lines.iter().map(|line| (line.line_id.as_str(), line.quantity)).collect();
        assert_eq!(ids, [("1", 2), ("2", 1)]);
    }
}
