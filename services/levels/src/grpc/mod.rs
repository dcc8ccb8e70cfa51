//! The API: handlers parse, call and wrap.

mod convert;
mod earning;
mod hold;
mod level;
mod points;
mod status;

use std::sync::Arc;

use host::Part;
use proto::levels::v1::earning_rule_service_server::EarningRuleServiceServer;
use proto::levels::v1::level_service_server::LevelServiceServer;
use proto::levels::v1::points_service_server::PointsServiceServer;

use crate::Levels;

/// What handlers share.
#[derive(Clone)]
struct Api {
    levels: Arc<Levels>,
    pages: Arc<page::Tokens>,
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, levels: &Arc<Levels>, pages: page::Tokens) -> Part {
    let api = Api { levels: Arc::clone(levels), pages: Arc::new(pages) };
    part.serve(PointsServiceServer::new(api.clone()))
        .serve(EarningRuleServiceServer::new(api.clone()))
        .serve(LevelServiceServer::new(api))
}
