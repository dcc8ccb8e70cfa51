use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ids::{RequestId, UserId};
use proto::google::r#type::Money;
use proto::profiles::v1::{self as pb, user_event};
use requests::body_of;
use status::Violations;
use time::OffsetDateTime;
use units::money;

use crate::commands::IntakeEvent;
use crate::domain::event::{Currency, Mode, Origin, Report};
use crate::domain::order::{Basket, Discount, Funder, Line};
use crate::domain::refund::{Refund, RefundLine};

/// The largest amount in minor units: a thousand billion of a currency with cents. Sums of a hundred thousand of them
/// still fit into 64 bits.
const AMOUNT_MINOR_MAX: i64 = 100_000_000_000_000;

/// A report. The violations are those of the event, with paths from it.
pub(in crate::grpc) fn event(sent: &pb::UserEvent, mode: Mode) -> Result<IntakeEvent, Violations> {
    let mut reader = Reader { violations: Violations::new(), currency: Currency::None };
    let user_id = UserId::new(sent.user_id.as_str());
    let user_id = user_id.map_err(|error| reader.fail(format_args!("user_id"), error)).ok();
    // the log's event ids are these with a suffix, so they are measured in bytes like request ids
    if let Err(error) = RequestId::new(sent.event_id.as_str()) {
        reader.fail(format_args!("event_id"), error);
    }
    let occurred_at = reader.occurred_at(sent);
    let report = reader.report(sent);
    let Reader { violations, currency } = reader;
    violations.check()?;
    let absent = || {
        let mut violations = Violations::new();
        violations.add("", "lacks a required field");
        violations
    };
    let (user_id, occurred_at, report) =
        user_id.zip(occurred_at).zip(report).map(|((a, b), c)| (a, b, c)).ok_or_else(absent)?;
    let origin = Origin { event_id: sent.event_id.clone(), occurred_at, mode, site: sent.site.clone() };
    let body = body_of(&pb::UserEvent { user_id: String::new(), ..sent.clone() });
    Ok(IntakeEvent { user_id, origin, report, currency, body })
}

/// An event that happened too far ahead of the tenant's clock.
pub(in crate::grpc) fn ahead() -> Violations {
    let mut violations = Violations::new();
    violations.add("occurred_at", "must not lie more than a day ahead of now");
    violations
}

/// Names the amounts that are not in the tenant's currency.
pub(in crate::grpc) fn wrong_currency(sent: &pb::UserEvent, currency: &str) -> Violations {
    let mut violations = Violations::new();
    for (field, money) in amounts(sent) {
        if money.currency_code != currency {
            violations.add(format!("{field}.currency_code"), format!("must be {currency}"));
        }
    }
    violations
}

fn amounts(sent: &pb::UserEvent) -> Vec<(String, &Money)> {
    let mut found: Vec<(String, Option<&Money>)> = Vec::new();
    match order(sent) {
        Some((path, order)) => {
            for (index, line) in order.lines.iter().enumerate() {
                found.push((format!("{path}.lines[{index}].list_price"), line.list_price.as_ref()));
                found.push((format!("{path}.lines[{index}].paid"), line.paid.as_ref()));
                for (n, discount) in line.discounts.iter().enumerate() {
                    found.push((format!("{path}.lines[{index}].discounts[{n}].amount"), discount.amount.as_ref()));
                }
            }
            found.push((format!("{path}.freight"), order.freight.as_ref()));
            found.push((format!("{path}.deposit"), order.deposit.as_ref()));
            found.push((format!("{path}.balance"), order.balance.as_ref()));
            found.push((format!("{path}.total"), order.total.as_ref()));
        }
        None => {
            if let Some(user_event::Report::OrderRefunded(pb::OrderRefundedReport { refund: Some(refund) })) =
                &sent.report
            {
                let path = "order_refunded.refund";
                for (index, line) in refund.lines.iter().enumerate() {
                    found.push((format!("{path}.lines[{index}].amount"), line.amount.as_ref()));
                }
                found.push((format!("{path}.freight"), refund.freight.as_ref()));
                found.push((format!("{path}.amount"), refund.amount.as_ref()));
            }
        }
    }
    found.into_iter().filter_map(|(field, money)| Some((field, money?))).collect()
}

/// The order of a report that has one whole, with its path.
fn order(sent: &pb::UserEvent) -> Option<(&'static str, &pb::Order)> {
    match sent.report.as_ref()? {
        user_event::Report::OrderCreated(report) => Some(("order_created.order", report.order.as_ref()?)),
        user_event::Report::OrderPaid(report) => Some(("order_paid.order", report.order.as_ref()?)),
        user_event::Report::OrderCompleted(report) => Some(("order_completed.order", report.order.as_ref()?)),
        user_event::Report::OrderCancelled(_) | user_event::Report::OrderRefunded(_) | user_event::Report::Visit(_) => {
            None
        }
    }
}

struct Reader {
    violations: Violations,
    currency: Currency,
}

impl Reader {
    fn fail(&mut self, field: fmt::Arguments<'_>, why: impl fmt::Display) {
        self.violations.add(field.to_string(), why.to_string());
    }

    fn occurred_at(&mut self, sent: &pb::UserEvent) -> Option<OffsetDateTime> {
        let field = format_args!("occurred_at");
        match units::time::from_proto(sent.occurred_at.as_ref()?) {
            Err(error) => self.fail(field, error),
            Ok(at) if at < OffsetDateTime::UNIX_EPOCH => self.fail(field, "must not lie before 1970"),
            Ok(at) => return Some(at),
        }
        None
    }

    fn report(&mut self, sent: &pb::UserEvent) -> Option<Report> {
        let basket = order(sent).map(|(path, order)| Arc::new(self.basket(path, order)));
        Some(match sent.report.as_ref()? {
            user_event::Report::OrderCreated(_) => Report::OrderCreated(basket?),
            user_event::Report::OrderPaid(_) => Report::OrderPaid(basket?),
            user_event::Report::OrderCompleted(_) => Report::OrderCompleted(basket?),
            user_event::Report::OrderCancelled(report) => Report::OrderCancelled(report.order_id.clone()),
            user_event::Report::OrderRefunded(report) => Report::OrderRefunded(self.refund(report.refund.as_ref()?)),
            user_event::Report::Visit(report) => Report::Visit(report.duration_seconds),
        })
    }

    fn basket(&mut self, path: &str, order: &pb::Order) -> Basket {
        let mut lines = Vec::with_capacity(order.lines.len());
        let mut ids = BTreeSet::new();
        for (index, line) in order.lines.iter().enumerate() {
            if !ids.insert(&line.line_id) {
                self.fail(format_args!("{path}.lines[{index}].line_id"), "must be unique within the order");
            }
            lines.push(self.line(format_args!("{path}.lines[{index}]"), line));
        }
        let freight = self.optional(format_args!("{path}.freight"), order.freight.as_ref());
        let deposit = self.optional(format_args!("{path}.deposit"), order.deposit.as_ref());
        let balance = self.optional(format_args!("{path}.balance"), order.balance.as_ref());
        let total = self.amount(format_args!("{path}.total"), order.total.as_ref());
        let sum = lines.iter().map(|line| line.paid).sum::<i64>() + freight.unwrap_or(0);
        if !lines.is_empty() && sum != total {
            self.fail(format_args!("{path}.total"), "must equal the sum of the lines' `paid` and the freight");
        }
        for (name, part) in [("freight", freight), ("deposit", deposit), ("balance", balance)] {
            if part.unwrap_or(0) > total {
                self.fail(format_args!("{path}.{name}"), "must not exceed the total");
            }
        }
        Basket {
            order_id: order.order_id.clone(),
            parent_order_id: order.parent_order_id.clone(),
            lines,
            freight,
            deposit,
            balance,
            total,
        }
    }

    fn line(&mut self, path: fmt::Arguments<'_>, line: &pb::OrderLine) -> Line {
        let mut discounts = Vec::with_capacity(line.discounts.len());
        for (index, discount) in line.discounts.iter().enumerate() {
            let amount = self.amount(format_args!("{path}.discounts[{index}].amount"), discount.amount.as_ref());
            match discount.funder() {
                pb::Funder::Unspecified => {
                    self.fail(format_args!("{path}.discounts[{index}].funder"), "must be given");
                }
                pb::Funder::Shop => discounts.push(Discount { funder: Funder::Shop, amount }),
                pb::Funder::Platform => discounts.push(Discount { funder: Funder::Platform, amount }),
                pb::Funder::Partner => discounts.push(Discount { funder: Funder::Partner, amount }),
            }
        }
        Line {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            list_price: self.optional(format_args!("{path}.list_price"), line.list_price.as_ref()),
            paid: self.amount(format_args!("{path}.paid"), line.paid.as_ref()),
            discounts,
        }
    }

    fn refund(&mut self, refund: &pb::Refund) -> Refund {
        let path = "order_refunded.refund";
        let mut lines = Vec::with_capacity(refund.lines.len());
        for (index, line) in refund.lines.iter().enumerate() {
            let amount = self.amount(format_args!("{path}.lines[{index}].amount"), line.amount.as_ref());
            lines.push(RefundLine { line_id: line.line_id.clone(), quantity: line.quantity, amount });
        }
        let freight = self.optional(format_args!("{path}.freight"), refund.freight.as_ref());
        let amount = self.amount(format_args!("{path}.amount"), refund.amount.as_ref());
        let field = format_args!("{path}.amount");
        let sum = lines.iter().map(|line| line.amount).sum::<i64>() + freight.unwrap_or(0);
        if refund.amount.is_some() && amount == 0 {
            self.fail(field, "must be more than 0");
        } else if !lines.is_empty() && sum != amount {
            self.fail(field, "must equal the sum of the lines' amounts and the freight");
        } else if freight.unwrap_or(0) > amount {
            self.fail(format_args!("{path}.freight"), "must not exceed the amount");
        }
        let (refund_id, order_id) = (refund.refund_id.clone(), refund.order_id.clone());
        Refund { refund_id, order_id, lines, freight, amount }
    }

    fn optional(&mut self, field: fmt::Arguments<'_>, sent: Option<&Money>) -> Option<i64> {
        sent.map(|money| self.amount(field, Some(money)))
    }

    /// Minor units, 0 where they are not an amount. The currency is compared with the tenant's later, when it is known.
    fn amount(&mut self, field: fmt::Arguments<'_>, sent: Option<&Money>) -> i64 {
        let Some(money) = sent else {
            self.fail(field, "is required");
            return 0;
        };
        self.currency = std::mem::replace(&mut self.currency, Currency::None).and(&money.currency_code);
        match money::from_proto(money, &money.currency_code) {
            Err(error) => self.fail(field, error),
            Ok(minor) if minor < 0 => self.fail(field, "must not be negative"),
            Ok(minor) if minor > AMOUNT_MINOR_MAX => {
                self.fail(field, format_args!("must be at most {AMOUNT_MINOR_MAX} minor units"));
            }
            Ok(minor) => return minor,
        }
        0
    }
}
