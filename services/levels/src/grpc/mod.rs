//! The API: handlers parse, call and wrap.

mod convert;
mod earning;
mod hold;
mod level;
mod points;
mod status;

use std::sync::Arc;

use host::Part;
use ids::TenantId;
use proto::levels::v1::earning_rule_service_server::EarningRuleServiceServer;
use proto::levels::v1::level_service_server::LevelServiceServer;
use proto::levels::v1::points_service_server::PointsServiceServer;

use service::write;
use tonic::{Response, Status};

use crate::Levels;
use crate::commands::{Call, Till};

/// What handlers share.
#[derive(Clone)]
struct Api {
    levels: Arc<Levels>,
    till: Till,
    pages: Arc<page::Tokens>,
}

impl Api {
    /// Does a call that changes an account.
    async fn post<C: Call>(&self, tenant: TenantId, call: C) -> Result<Response<C::Answer>, Status> {
        let till = self.till.clone();
        write(async move { till.post(&tenant, call).await }).await
    }
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, levels: &Arc<Levels>, pages: page::Tokens) -> Part {
    let api = Api { levels: Arc::clone(levels), till: Till::new(Arc::clone(levels)), pages: Arc::new(pages) };
    part.serve(PointsServiceServer::new(api.clone()))
        .serve(EarningRuleServiceServer::new(api.clone()))
        .serve(LevelServiceServer::new(api))
}
