use proto::profiles::v1::insight_service_server::InsightService;
use proto::profiles::v1::{
    CountRfmCellsRequest, CountRfmCellsResponse, CountStagesRequest, CountStagesResponse, GetCohortRetentionRequest,
    GetCohortRetentionResponse, GetSalesRequest, GetSalesResponse, MonthSales, RfmCellCount, StageCount,
};
use tonic::{Request, Response, Status};
use units::money;

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl InsightService for Api {
    async fn get_cohort_retention(
        &self,
        request: Request<GetCohortRetentionRequest>,
    ) -> Result<Response<GetCohortRetentionResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let months = convert::cohorts(request.get_ref())?;
        let cohorts = self.profiles.cohort_retention(&tenant, months, &request.get_ref().at_least).await?;
        let cohorts = cohorts.into_iter().map(wire::cohort).collect();
        Ok(Response::new(GetCohortRetentionResponse { cohorts }))
    }

    async fn get_sales(&self, request: Request<GetSalesRequest>) -> Result<Response<GetSalesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let span = convert::span(request.get_ref())?;
        let (report, terms) = self.profiles.sales(&tenant, span, &request.get_ref().at_least).await?;
        let months = report.months.iter().map(|(month, sales)| MonthSales {
            month: month.to_string(),
            figures: Some(wire::sales(sales, &terms.currency)),
        });
        let total = Some(wire::sales(&report.total, &terms.currency));
        Ok(Response::new(GetSalesResponse { total, months: months.collect() }))
    }

    async fn count_stages(
        &self,
        request: Request<CountStagesRequest>,
    ) -> Result<Response<CountStagesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let at = convert::at(request.get_ref().at.as_ref())?;
        let counts = self.profiles.count_stages(&tenant, at, &request.get_ref().at_least).await?;
        let count = |(stage, users)| StageCount { stage: wire::stage(stage).into(), users };
        Ok(Response::new(CountStagesResponse { stages: counts.into_iter().map(count).collect() }))
    }

    async fn count_rfm_cells(
        &self,
        request: Request<CountRfmCellsRequest>,
    ) -> Result<Response<CountRfmCellsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let asked = request.get_ref();
        let (at, method) = (convert::at(asked.at.as_ref())?, convert::method(asked.method()));
        let (report, terms) = self.profiles.count_rfm_cells(&tenant, at, method, &asked.at_least).await?;
        let cells = report.cells.iter().map(|(cell, users, net)| RfmCellCount {
            cell: wire::cell(*cell).into(),
            users: *users,
            net_spend: Some(money::to_proto(*net, &terms.currency)),
        });
        let cuts = Some(wire::cuts(&report.cuts, report.window_days));
        Ok(Response::new(CountRfmCellsResponse { cells: cells.collect(), cuts }))
    }
}
