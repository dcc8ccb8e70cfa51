//! The API: handlers parse, call and wrap.

mod case;
mod case_type;
mod convert;
mod desk;
mod insight;
mod status;

use std::sync::Arc;

use host::Part;
use proto::feedback::v1::case_insight_service_server::CaseInsightServiceServer;
use proto::feedback::v1::case_service_server::CaseServiceServer;
use proto::feedback::v1::case_type_service_server::CaseTypeServiceServer;
use proto::feedback::v1::desk_service_server::DeskServiceServer;

use service::Batcher;

use crate::Feedback;
use crate::commands::{HandleCase, SubmitCase};

/// What handlers share.
#[derive(Clone)]
struct Api {
    feedback: Arc<Feedback>,
    submissions: Batcher<Feedback, SubmitCase>,
    handlings: Batcher<Feedback, HandleCase>,
    pages: Arc<page::Tokens>,
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, feedback: &Arc<Feedback>, pages: page::Tokens) -> Part {
    let lanes = feedback.settings.lanes;
    let api = Api {
        feedback: Arc::clone(feedback),
        submissions: Batcher::new("submissions", Arc::clone(feedback), lanes),
        handlings: Batcher::new("handlings", Arc::clone(feedback), lanes),
        pages: Arc::new(pages),
    };
    part.serve(CaseServiceServer::new(api.clone()))
        .serve(CaseTypeServiceServer::new(api.clone()))
        .serve(DeskServiceServer::new(api.clone()))
        .serve(CaseInsightServiceServer::new(api))
}
