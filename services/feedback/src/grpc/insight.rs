use proto::feedback::v1 as pb;
use proto::feedback::v1::case_insight_service_server::CaseInsightService;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::wire;

#[tonic::async_trait]
impl CaseInsightService for Api {
    async fn get_case_figures(
        &self,
        request: Request<pb::GetCaseFiguresRequest>,
    ) -> Result<Response<pb::GetCaseFiguresResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let period = convert::case::period(&sent)?;
        let figures = self.feedback.case_figures(&tenant, period, &sent.department, &sent.at_least).await?;
        let quadrants = figures.quadrants.iter().map(|(quadrant, figures)| pb::QuadrantFigures {
            quadrant: wire::code(quadrant.code()),
            figures: Some(wire::figures(figures)),
        });
        Ok(Response::new(pb::GetCaseFiguresResponse {
            total: Some(wire::figures(&figures.total)),
            quadrants: quadrants.collect(),
        }))
    }
}
