use proto::incentives::v1 as pb;
use proto::incentives::v1::checkout_service_server::CheckoutService;
use service::write;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl CheckoutService for Api {
    async fn quote(&self, request: Request<pb::QuoteRequest>) -> Result<Response<pb::QuoteResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = convert::quote(&sent)?;
        let quote = self.incentives.quote(&tenant, &asked, &sent.at_least).await?;
        Ok(Response::new(pb::QuoteResponse { quote: Some(wire::quote::quote(&asked.basket, &quote)) }))
    }

    async fn reserve(&self, request: Request<pb::ReserveRequest>) -> Result<Response<pb::ReserveResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::reserve(request.get_ref())?;
        let checkouts = self.checkouts.clone();
        write(async move { checkouts.reserve(&tenant, command).await }).await
    }

    async fn confirm(&self, request: Request<pb::ConfirmRequest>) -> Result<Response<pb::ConfirmResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::confirm(request.get_ref())?;
        let checkouts = self.checkouts.clone();
        write(async move { checkouts.confirm(&tenant, command).await }).await
    }

    async fn cancel(&self, request: Request<pb::CancelRequest>) -> Result<Response<pb::CancelResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::cancel(request.get_ref())?;
        let checkouts = self.checkouts.clone();
        write(async move { checkouts.cancel(&tenant, command).await }).await
    }

    async fn preview_return(
        &self,
        request: Request<pb::PreviewReturnRequest>,
    ) -> Result<Response<pb::PreviewReturnResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = convert::preview_return(&sent)?;
        let preview = self.incentives.preview_return(&tenant, &asked, &sent.at_least).await?;
        Ok(Response::new(pb::PreviewReturnResponse {
            outcome: Some(wire::checkout::outcome(&preview.checkout, &preview.back)),
            points_to_take_back: preview.take_back,
            points_shortfall: preview.shortfall,
        }))
    }

    async fn r#return(&self, request: Request<pb::ReturnRequest>) -> Result<Response<pb::ReturnResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::give_back(request.get_ref())?;
        let checkouts = self.checkouts.clone();
        write(async move { checkouts.give_back(&tenant, command).await }).await
    }

    async fn get_checkout(
        &self,
        request: Request<pb::GetCheckoutRequest>,
    ) -> Result<Response<pb::GetCheckoutResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::user(&sent.user_id)?;
        let checkout = self.incentives.checkout(&tenant, &user, &sent.checkout_id, &sent.at_least).await?;
        Ok(Response::new(pb::GetCheckoutResponse { checkout: Some(checkout) }))
    }
}
