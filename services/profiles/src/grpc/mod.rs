//! The services as they are called: a handler parses, calls and wraps.

mod convert;
mod insight;
mod intake;
mod lifecycle;
mod member;
mod order;
mod profile;
mod programme;
mod status;
mod tenant;

use std::sync::Arc;

use host::Part;
use proto::admin::v1::tenant_service_server::TenantServiceServer;
use proto::profiles::v1::event_service_server::EventServiceServer;
use proto::profiles::v1::insight_service_server::InsightServiceServer;
use proto::profiles::v1::lifecycle_service_server::LifecycleServiceServer;
use proto::profiles::v1::member_service_server::MemberServiceServer;
use proto::profiles::v1::order_service_server::OrderServiceServer;
use proto::profiles::v1::profile_service_server::ProfileServiceServer;
use proto::programme::v1::programme_service_server::ProgrammeServiceServer;

use service::{Batcher, Gatherer};

use crate::Profiles;
use crate::commands::IntakeEvent;
use crate::queries::profile::AskedProfile;

/// Every service of the contract, over one [`Profiles`].
#[derive(Clone)]
struct Api {
    profiles: Arc<Profiles>,
    intake: Batcher<Profiles, IntakeEvent>,
    by_id: Gatherer<Profiles, AskedProfile>,
    pages: Arc<page::Tokens>,
}

/// Adds the services to a part.
pub(crate) fn serve(part: Part, profiles: Arc<Profiles>, pages: page::Tokens) -> Part {
    let lanes = profiles.settings.lanes;
    let api = Api {
        intake: Batcher::new("intake", Arc::clone(&profiles), lanes),
        by_id: Gatherer::new("profiles_by_id", Arc::clone(&profiles), lanes),
        profiles,
        pages: Arc::new(pages),
    };
    part.serve(TenantServiceServer::new(api.clone()))
        .serve(ProfileServiceServer::new(api.clone()))
        .serve(EventServiceServer::new(api.clone()))
        .serve(OrderServiceServer::new(api.clone()))
        .serve(LifecycleServiceServer::new(api.clone()))
        .serve(ProgrammeServiceServer::new(api.clone()))
        .serve(InsightServiceServer::new(api.clone()))
        .serve(MemberServiceServer::new(api))
}
