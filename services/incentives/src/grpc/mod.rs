//! The API: handlers parse, call and wrap.

mod action;
mod campaign;
mod campaign_convert;
mod campaign_page;
mod campaign_status;
mod checkout;
mod convert;
mod coupon;
mod decision;
mod penalty;
mod status;

use std::sync::Arc;

use host::Part;
use proto::incentives::v1::action_service_server::ActionServiceServer;
use proto::incentives::v1::campaign_service_server::CampaignServiceServer;
use proto::incentives::v1::checkout_service_server::CheckoutServiceServer;
use proto::incentives::v1::coupon_service_server::CouponServiceServer;
use proto::incentives::v1::decision_service_server::DecisionServiceServer;
use proto::incentives::v1::penalty_service_server::PenaltyServiceServer;

use service::{Batcher, Gatherer};

use crate::Incentives;
use crate::commands::{Checkouts, ClaimCoupon};
use crate::queries::{AskedCoupons, AskedRestrictions};

/// What handlers share.
#[derive(Clone)]
struct Api {
    incentives: Arc<Incentives>,
    claims: Batcher<Incentives, ClaimCoupon>,
    checkouts: Checkouts,
    held: Gatherer<Incentives, AskedCoupons>,
    restrictions: Gatherer<Incentives, AskedRestrictions>,
    pages: Arc<page::Tokens>,
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, incentives: &Arc<Incentives>, pages: page::Tokens) -> Part {
    let lanes = incentives.settings.lanes;
    let api = Api {
        incentives: Arc::clone(incentives),
        claims: Batcher::new("claims", Arc::clone(incentives), lanes),
        checkouts: Checkouts::new(incentives, lanes),
        held: Gatherer::new("held_coupons", Arc::clone(incentives), lanes),
        restrictions: Gatherer::new("restrictions", Arc::clone(incentives), lanes),
        pages: Arc::new(pages),
    };
    part.serve(CouponServiceServer::new(api.clone()))
        .serve(CheckoutServiceServer::new(api.clone()))
        .serve(CampaignServiceServer::new(api.clone()))
        .serve(DecisionServiceServer::new(api.clone()))
        .serve(ActionServiceServer::new(api.clone()))
        .serve(PenaltyServiceServer::new(api))
}
