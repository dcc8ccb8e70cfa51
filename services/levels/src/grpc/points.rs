use proto::levels::v1 as pb;
use proto::levels::v1::points_service_server::PointsService;
use service::{List, write};
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::queries::AskedBalance;
use crate::wire;

/// Accounts that one page of an audit compares.
const AUDIT_SIZE: (i64, i64) = (1_000, 10_000);

#[tonic::async_trait]
impl PointsService for Api {
    async fn create_point_type(
        &self,
        request: Request<pb::CreatePointTypeRequest>,
    ) -> Result<Response<pb::CreatePointTypeResponse>, Status> {
        self.create_point_type_of(request).await
    }

    async fn update_point_type(
        &self,
        request: Request<pb::UpdatePointTypeRequest>,
    ) -> Result<Response<pb::UpdatePointTypeResponse>, Status> {
        self.update_point_type_of(request).await
    }

    async fn get_point_type(
        &self,
        request: Request<pb::GetPointTypeRequest>,
    ) -> Result<Response<pb::GetPointTypeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("point_type_id", &request.get_ref().point_type_id)?;
        let found = self.levels.point_type(&tenant, &id).await?;
        Ok(Response::new(pb::GetPointTypeResponse { point_type: Some(wire::point_type(&found)) }))
    }

    async fn list_point_types(
        &self,
        request: Request<pb::ListPointTypesRequest>,
    ) -> Result<Response<pb::ListPointTypesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "PointsService/ListPointTypes", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_point_types(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListPointTypesResponse {
            point_types: page.rows.iter().map(wire::point_type).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn earn(&self, request: Request<pb::EarnRequest>) -> Result<Response<pb::EarnResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::earn(request.get_ref())?;
        self.post(tenant, command).await
    }

    async fn spend(&self, request: Request<pb::SpendRequest>) -> Result<Response<pb::SpendResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::spend(request.get_ref())?;
        self.post(tenant, command).await
    }

    async fn reverse_entry(
        &self,
        request: Request<pb::ReverseEntryRequest>,
    ) -> Result<Response<pb::ReverseEntryResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::reverse_entry(request.get_ref())?;
        self.post(tenant, command).await
    }

    async fn transfer(&self, request: Request<pb::TransferRequest>) -> Result<Response<pb::TransferResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = convert::transfer(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.transfer(&tenant, &command).await }).await
    }

    async fn hold_points(
        &self,
        request: Request<pb::HoldPointsRequest>,
    ) -> Result<Response<pb::HoldPointsResponse>, Status> {
        self.hold_points_of(request).await
    }

    async fn capture_hold(
        &self,
        request: Request<pb::CaptureHoldRequest>,
    ) -> Result<Response<pb::CaptureHoldResponse>, Status> {
        self.capture_hold_of(request).await
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        self.release_hold_of(request).await
    }

    async fn give_back(&self, request: Request<pb::GiveBackRequest>) -> Result<Response<pb::GiveBackResponse>, Status> {
        self.give_back_of(request).await
    }

    async fn get_hold(&self, request: Request<pb::GetHoldRequest>) -> Result<Response<pb::GetHoldResponse>, Status> {
        self.hold_of(request).await
    }

    async fn list_holds(
        &self,
        request: Request<pb::ListHoldsRequest>,
    ) -> Result<Response<pb::ListHoldsResponse>, Status> {
        self.holds_of(request).await
    }

    async fn get_balance(
        &self,
        request: Request<pb::GetBalanceRequest>,
    ) -> Result<Response<pb::GetBalanceResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, _) = convert::user_and_key(&sent.user_id, "point_type_id", &sent.point_type_id)?;
        let (point_type, at) = convert::key_and_time("point_type_id", &sent.point_type_id, sent.at.as_ref())?;
        let balance = AskedBalance { user, point_type, at };
        let balance = self.balances.ask(&tenant, &sent.user_id, &sent.at_least, balance).await?;
        Ok(Response::new(wire::balance(balance)))
    }

    async fn list_entries(
        &self,
        request: Request<pb::ListEntriesRequest>,
    ) -> Result<Response<pb::ListEntriesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, point_type, filter) = convert::list_entries(&sent)?;
        let args = [sent.user_id.as_str(), sent.point_type_id.as_str(), &format!("{filter:?}")];
        let list = List::new(&self.pages, "PointsService/ListEntries", &tenant, &args);
        let before = list.open_number(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let account = (&user, &point_type);
        let (page, zone) = self.levels.list_entries(&tenant, account, &filter, before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListEntriesResponse {
            entries: page.rows.iter().map(|entry| wire::statement_entry(entry, &zone)).collect(),
            next_page_token: list.next(page.next.map(|seq| vec![seq.to_string()])),
        }))
    }

    async fn get_circulation(
        &self,
        request: Request<pb::GetCirculationRequest>,
    ) -> Result<Response<pb::GetCirculationResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (point_type, at) = convert::key_and_time("point_type_id", &sent.point_type_id, sent.at.as_ref())?;
        let it = self.levels.circulation(&tenant, &point_type, at, &sent.at_least).await?;
        Ok(Response::new(pb::GetCirculationResponse {
            issued: it.issued,
            redeemed: it.redeemed,
            expired: it.expired,
            reversed: it.reversed,
            adjusted: it.adjusted,
            in_circulation: it.in_circulation(),
            accounts: it.accounts,
            returned: it.returned,
            added: it.added,
            taken: it.taken,
            opened: it.opened,
            transferred: it.transferred,
        }))
    }

    async fn verify_ledger(
        &self,
        request: Request<pb::VerifyLedgerRequest>,
    ) -> Result<Response<pb::VerifyLedgerResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "PointsService/VerifyLedger", &tenant, &[]);
        let after = list.open(&sent.page_token)?.map(|[user, point_type]| (user, point_type));
        let size = page::size(sent.page_size, AUDIT_SIZE.0, AUDIT_SIZE.1);
        let page = self.levels.verify_ledger(&tenant, after, size, &sent.at_least).await?;
        let mismatches = page.mismatches.into_iter().map(|it| pb::LedgerMismatch {
            user_id: it.user_id,
            point_type_id: it.point_type_id,
            entries_sum: it.entries_sum,
            lots_sum: it.lots_sum,
            last_balance: it.last_balance,
            growth_sum: it.growth_sum,
            growth: it.growth,
            held: it.held,
            holds_sum: it.holds_sum,
        });
        Ok(Response::new(pb::VerifyLedgerResponse {
            accounts: page.accounts,
            entries: page.entries,
            mismatches: mismatches.collect(),
            next_page_token: list.next(page.next.map(|(user, point_type)| vec![user, point_type])),
        }))
    }
}
