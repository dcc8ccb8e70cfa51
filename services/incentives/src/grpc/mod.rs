//! The API: handlers parse, call and wrap.

mod checkout;
mod convert;
mod coupon;
mod status;

use std::sync::Arc;

use host::Part;
use proto::incentives::v1::checkout_service_server::CheckoutServiceServer;
use proto::incentives::v1::coupon_service_server::CouponServiceServer;

use crate::Incentives;

/// What handlers share.
#[derive(Clone)]
struct Api {
    incentives: Arc<Incentives>,
    pages: Arc<page::Tokens>,
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, incentives: &Arc<Incentives>, pages: page::Tokens) -> Part {
    let api = Api { incentives: Arc::clone(incentives), pages: Arc::new(pages) };
    part.serve(CouponServiceServer::new(api.clone())).serve(CheckoutServiceServer::new(api))
}
