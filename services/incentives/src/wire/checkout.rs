//! Checkouts and returns.

use proto::incentives::v1 as pb;
use time::OffsetDateTime;
use units::time::to_proto;

use super::money;
use super::quote::{basket, quote};
use crate::domain::basket::Line;
use crate::domain::checkout::Checkout;
use crate::domain::refund::{GivenBack, LineBack};

/// A checkout as it is at a time, with what came back so far.
pub fn checkout(it: &Checkout, back: &GivenBack, now: OffsetDateTime) -> pb::Checkout {
    pb::Checkout {
        checkout_id: it.checkout_id.clone(),
        user_id: it.user.to_string(),
        state: it.state_at(now).code().into(),
        order_id: it.order_id.clone(),
        basket: Some(basket(&it.basket)),
        quote: Some(quote(&it.basket, &it.quote)),
        coupon_ids: it.coupon_ids(),
        point_type_id: it.point_type_id.clone(),
        hold_id: it.hold_id.clone(),
        create_time: Some(to_proto(it.create_time)),
        expire_time: Some(to_proto(it.expire_time)),
        returned: Some(returned(it, back)),
    }
}

fn lines<'a>(it: &'a Checkout, back: &'a GivenBack) -> impl Iterator<Item = (&'a Line, &'a LineBack)> {
    it.basket.lines().iter().zip(&back.lines)
}

fn returned(it: &Checkout, back: &GivenBack) -> pb::ReturnedSoFar {
    let came = lines(it, back).filter(|(_, back)| back.pieces > 0);
    let line =
        |(line, back): (&Line, &LineBack)| pb::LineQuantity { line_id: line.line_id.clone(), quantity: back.pieces };
    pb::ReturnedSoFar {
        lines: came.map(line).collect(),
        refunded: money(back.cash(), it.basket.currency()),
        points: back.points,
        coupon_ids: back.coupons.iter().cloned().collect(),
    }
}

/// What a return gives back.
pub fn outcome(it: &Checkout, back: &GivenBack) -> pb::ReturnOutcome {
    let currency = it.basket.currency();
    let came = lines(it, back).filter(|(_, back)| **back != LineBack::default());
    let line = |(line, back): (&Line, &LineBack)| pb::ReturnedLine {
        line_id: line.line_id.clone(),
        quantity: back.pieces,
        refund: money(back.cash, currency),
        points: back.points,
    };
    pb::ReturnOutcome {
        lines: came.map(line).collect(),
        freight_refund: money(back.freight, currency),
        refund: money(back.cash(), currency),
        points: back.points,
        returned_coupon_ids: back.coupons.iter().cloned().collect(),
    }
}
