//! The API: handlers parse, call and wrap.

mod convert;
mod earning;
mod level;
mod page;
mod points;
mod status;

use std::sync::Arc;

use host::Part;
use proto::levels::v1::earning_rule_service_server::EarningRuleServiceServer;
use proto::levels::v1::level_service_server::LevelServiceServer;
use proto::levels::v1::points_service_server::PointsServiceServer;
use tonic::{Response, Status};

use crate::Levels;
use crate::commands::Answer;
use crate::error::LevelsError;

/// What handlers share.
#[derive(Clone)]
struct Api {
    levels: Arc<Levels>,
    pages: Arc<::page::Tokens>,
}

/// Adds the services of the contract to a process.
pub fn serve(part: Part, levels: &Arc<Levels>, pages: ::page::Tokens) -> Part {
    let api = Api { levels: Arc::clone(levels), pages: Arc::new(pages) };
    part.serve(PointsServiceServer::new(api.clone()))
        .serve(EarningRuleServiceServer::new(api.clone()))
        .serve(LevelServiceServer::new(api))
}

/// Runs a write to its end, whether or not its caller stays, and marks the answer of a repeated one.
async fn write<T, F>(work: F) -> Result<Response<T>, Status>
where
    T: Send + 'static,
    F: Future<Output = Result<Answer<T>, LevelsError>> + Send + 'static,
{
    let answer = rt::write(work).await?;
    let response = Response::new(answer.value);
    Ok(if answer.replayed { rt::replayed(response) } else { response })
}

/// The outcome of the only call of a batch.
fn only<T>(outcomes: Vec<Result<Answer<T>, LevelsError>>) -> Result<Answer<T>, LevelsError> {
    outcomes.into_iter().next().expect("a batch of one call has one outcome")
}
