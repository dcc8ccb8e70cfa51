use proto::incentives::v1 as pb;
use proto::incentives::v1::coupon_service_server::CouponService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::queries::AskedCoupons;
use crate::wire;

#[tonic::async_trait]
impl CouponService for Api {
    async fn publish_coupon_template(
        &self,
        request: Request<pb::PublishCouponTemplateRequest>,
    ) -> Result<Response<pb::PublishCouponTemplateResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::publish_template(request.get_ref())?;
        if request.get_ref().validate_only {
            let template = pb::CouponTemplate { publish_time: None, ..wire::coupon::template(&command.template, 0) };
            return Ok(Response::new(pb::PublishCouponTemplateResponse { template: Some(template), position: None }));
        }
        let incentives = self.incentives.clone();
        write(async move { incentives.publish_template(&tenant, &command).await }).await
    }

    async fn get_coupon_template(
        &self,
        request: Request<pb::GetCouponTemplateRequest>,
    ) -> Result<Response<pb::GetCouponTemplateResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::template_id(&request.get_ref().template_id)?;
        let (template, issued) = self.incentives.template(&tenant, &id).await?;
        let template = Some(wire::coupon::template(&template, issued));
        Ok(Response::new(pb::GetCouponTemplateResponse { template }))
    }

    async fn list_coupon_templates(
        &self,
        request: Request<pb::ListCouponTemplatesRequest>,
    ) -> Result<Response<pb::ListCouponTemplatesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "CouponService/ListCouponTemplates", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.incentives.list_templates(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListCouponTemplatesResponse {
            templates: page.rows.iter().map(|(template, issued)| wire::coupon::template(template, *issued)).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn list_claimable(
        &self,
        request: Request<pb::ListClaimableRequest>,
    ) -> Result<Response<pb::ListClaimableResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::user(&sent.user_id)?;
        let list = List::new(&self.pages, "CouponService/ListClaimable", &tenant, &[sent.user_id.as_str()]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let size = page::size(sent.page_size, 50, 200);
        let page = self.incentives.list_claimable(&tenant, &user, &after, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListClaimableResponse {
            claimables: page.rows,
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn claim_coupon(
        &self,
        request: Request<pb::ClaimCouponRequest>,
    ) -> Result<Response<pb::ClaimCouponResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::claim_coupon(request.get_ref())?;
        let (claims, user) = (self.claims.clone(), command.user.clone());
        write(async move { claims.call(&tenant, user.as_str(), command).await }).await
    }

    async fn get_coupon(
        &self,
        request: Request<pb::GetCouponRequest>,
    ) -> Result<Response<pb::GetCouponResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::user(&sent.user_id)?;
        let coupon = self.incentives.coupon(&tenant, &user, &sent.coupon_id, &sent.at_least).await?;
        Ok(Response::new(pb::GetCouponResponse { coupon: Some(coupon) }))
    }

    async fn list_coupons(
        &self,
        request: Request<pb::ListCouponsRequest>,
    ) -> Result<Response<pb::ListCouponsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, basket) = convert::user_and_basket(&sent)?;
        let closed = if sent.include_closed { "closed" } else { "" };
        let seen = format!("{:?}", requests::body_of(&sent.basket.clone().unwrap_or_default()));
        let args = [sent.user_id.as_str(), closed, seen.as_str()];
        let list = List::new(&self.pages, "CouponService/ListCoupons", &tenant, &args);
        let after = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let asked = AskedCoupons { user, basket, closed: sent.include_closed, after, size };
        let page = self.held.ask(&tenant, &sent.user_id, &sent.at_least, asked).await?;
        Ok(Response::new(pb::ListCouponsResponse { coupons: page.rows, next_page_token: list.next_time(page.next) }))
    }

    async fn best_for_basket(
        &self,
        request: Request<pb::BestForBasketRequest>,
    ) -> Result<Response<pb::BestForBasketResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = convert::best(&sent)?;
        let quote = self.incentives.quote(&tenant, &asked, &sent.at_least).await?;
        Ok(Response::new(pb::BestForBasketResponse {
            coupon_ids: quote.coupons().map(|step| step.coupon_id.clone()).collect(),
            quote: Some(wire::quote::quote(&asked.basket, &quote)),
        }))
    }

    async fn void_coupon(
        &self,
        request: Request<pb::VoidCouponRequest>,
    ) -> Result<Response<pb::VoidCouponResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::void_coupon(request.get_ref())?;
        let incentives = self.incentives.clone();
        write(async move { incentives.void_coupon(&tenant, &command).await }).await
    }
}
