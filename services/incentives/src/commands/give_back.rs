use std::collections::BTreeMap;

use ids::UserId;
use proto::common::v1::Position;
use proto::incentives::v1::ReturnResponse;
use requests::{Encoded, Request};
use time::OffsetDateTime;

use super::change::{Change, Done, Needs, Reply};
use super::returning::returning;
use crate::domain::desk::Desk;
use crate::domain::refund::call;
use crate::domain::refusal::Refusal;
use crate::wire;

/// See `CheckoutService.Return`: goods of a confirmed checkout come back.
#[derive(Debug, Clone)]
pub struct GiveBack {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The checkout.
    pub checkout_id: String,
    /// Pieces by line; empty: all that is left.
    pub lines: BTreeMap<String, i64>,
    /// Freight stays paid.
    pub keep_freight: bool,
}

impl Change for GiveBack {
    fn request(&self) -> &Request {
        &self.request
    }

    fn user(&self) -> &UserId {
        &self.user
    }

    fn checkout_id(&self) -> &str {
        &self.checkout_id
    }

    fn needs(&self) -> Needs<'_> {
        Needs::ItsOrder
    }

    fn decide(&self, desk: &mut Desk, user: &UserId, at: OffsetDateTime) -> Result<Done, Refusal> {
        let found = desk.checkout(&(user.clone(), self.checkout_id.clone()));
        let checkout = found.ok_or_else(|| Refusal::CheckoutNotFound { checkout_id: self.checkout_id.clone() })?;
        checkout.confirmed_at(at)?;
        let mut order = desk.order(&checkout.order_key());
        let mut after = call(&checkout.basket, &order.returns, &self.lines, self.keep_freight)
            .map_err(|many| Refusal::ReturnTooLarge { line_id: many.line_id, left: many.left })?;
        let mut coupons = desk.coupons(user, &checkout.coupon_ids());
        let back = returning(&checkout, &order.returns, &mut after, &mut coupons, at);
        order.returns = after;
        let reply = Reply {
            checkout: wire::checkout::checkout(&checkout, &back.now, at),
            outcome: Some(wire::checkout::outcome(&checkout, &back.more)),
        };
        desk.put_order(checkout.order_key(), order);
        desk.put_coupons(coupons);
        Ok(Done { reply, drafts: back.drafts })
    }

    fn answer(&self, reply: Reply, position: Position) -> Encoded {
        let position = Some(position);
        Encoded::of(&ReturnResponse { outcome: reply.outcome, checkout: Some(reply.checkout), position })
    }
}
