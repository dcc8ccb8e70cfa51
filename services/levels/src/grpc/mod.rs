//! The API: handlers parse, call and wrap.

mod adjustment;
mod badge;
mod benefit;
mod convert;
mod earning;
mod earning_convert;
mod hold;
mod job;
mod job_convert;
mod leaderboard;
mod level;
mod level_convert;
mod level_grant;
mod point_type;
mod points;
mod points_report;
mod quest;
mod result_card;
mod status;
mod streak;

use std::sync::Arc;

use host::Part;
use ids::TenantId;
use proto::levels::v1::adjustment_service_server::AdjustmentServiceServer;
use proto::levels::v1::badge_service_server::BadgeServiceServer;
use proto::levels::v1::benefit_service_server::BenefitServiceServer;
use proto::levels::v1::earning_rule_service_server::EarningRuleServiceServer;
use proto::levels::v1::leaderboard_service_server::LeaderboardServiceServer;
use proto::levels::v1::level_grant_service_server::LevelGrantServiceServer;
use proto::levels::v1::level_service_server::LevelServiceServer;
use proto::levels::v1::points_job_service_server::PointsJobServiceServer;
use proto::levels::v1::points_report_service_server::PointsReportServiceServer;
use proto::levels::v1::points_service_server::PointsServiceServer;
use proto::levels::v1::quest_service_server::QuestServiceServer;
use proto::levels::v1::result_card_service_server::ResultCardServiceServer;
use proto::levels::v1::streak_service_server::StreakServiceServer;

use service::{Batcher, Gatherer, decoded, write};
use tonic::{Response, Status};

use crate::Levels;
use crate::commands::{AnyPosting, Call};
use crate::queries::{AskedBalance, AskedStanding};

/// What handlers share.
#[derive(Clone)]
struct Api {
    levels: Arc<Levels>,
    postings: Batcher<Levels, AnyPosting>,
    balances: Gatherer<Levels, AskedBalance>,
    standings: Gatherer<Levels, AskedStanding>,
    pages: Arc<page::Tokens>,
}

impl Api {
    /// Does a call that changes an account.
    async fn post<C: Call>(&self, tenant: TenantId, call: C) -> Result<Response<C::Answer>, Status> {
        let postings = self.postings.clone();
        let user = call.user().clone();
        write(async move { decoded(postings.call(&tenant, user.as_str(), AnyPosting::of(call)).await?) }).await
    }
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, levels: &Arc<Levels>, pages: page::Tokens) -> Part {
    let lanes = levels.settings.lanes;
    let api = Api {
        levels: Arc::clone(levels),
        postings: Batcher::new("postings", Arc::clone(levels), lanes),
        balances: Gatherer::new("balances", Arc::clone(levels), lanes),
        standings: Gatherer::new("standings", Arc::clone(levels), lanes),
        pages: Arc::new(pages),
    };
    part.serve(PointsServiceServer::new(api.clone()))
        .serve(AdjustmentServiceServer::new(api.clone()))
        .serve(PointsJobServiceServer::new(api.clone()))
        .serve(PointsReportServiceServer::new(api.clone()))
        .serve(EarningRuleServiceServer::new(api.clone()))
        .serve(LevelServiceServer::new(api.clone()))
        .serve(LevelGrantServiceServer::new(api.clone()))
        .serve(BenefitServiceServer::new(api.clone()))
        .serve(LeaderboardServiceServer::new(api.clone()))
        .serve(QuestServiceServer::new(api.clone()))
        .serve(BadgeServiceServer::new(api.clone()))
        .serve(StreakServiceServer::new(api.clone()))
        .serve(ResultCardServiceServer::new(api))
}
