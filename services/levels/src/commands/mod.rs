//! The writes, one file each. A transaction is visible from its begin to its commit: lock, look up the request id, decide
//! in the domain, write, append to the log, record the answer, commit, wake the log's readers.

mod apply_orders;
mod create_point_type;
mod earn;
mod ledger;
mod posting;
mod publish_earning_rule;
mod publish_scheme;
mod review;
mod rules;
mod spend;

pub use apply_orders::OrderConsumer;
pub use create_point_type::CreatePointType;
pub use earn::Earn;
pub use publish_earning_rule::PublishEarningRule;
pub use publish_scheme::PublishScheme;
pub use rules::RuleCache;
pub use spend::Spend;

use eventlog::Draft;
use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;
use requests::{Keep, Known, Request};

use crate::Levels;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;

/// What a write answered, now or when its request id was first used.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// True: it is the first one, given again.
    pub replayed: bool,
}

/// What is known of a request id, as the outcome it leads to; `None`: it is to be decided.
fn settled<T>(request: &Request, known: Known<T, Refusal>) -> Option<Result<Answer<T>, LevelsError>> {
    match known {
        Known::New => None,
        Known::Answered(value) => Some(Ok(Answer { value, replayed: true })),
        Known::Refused(refusal) => Some(Err(LevelsError::Refused { refusal, replayed: true })),
        Known::OtherBody => Some(Err(LevelsError::RequestIdReused { request_id: request.id.to_string() })),
    }
}

/// The outcome that a request id of the programme already has.
async fn earlier<T>(tx: &mut Tx, tenant: &TenantId, request: &Request) -> Result<Option<Answer<T>>, LevelsError>
where
    T: prost::Message + Default,
{
    let known = requests::look_up::<T, Refusal>(tx, tenant, &[request]).await?.pop();
    known.and_then(|known| settled(request, known)).transpose()
}

/// Keeps a refusal, so that a late duplicate gets it too.
async fn refuse(mut tx: Tx, tenant: &TenantId, request: &Request, refusal: Refusal) -> LevelsError {
    let record = [(request, Err::<&(), _>(&refusal))];
    let recorded = async {
        requests::record(&mut tx, tenant, Keep::Days30, &record).await?;
        tx.commit().await
    };
    match recorded.await {
        Ok(()) => refusal.into(),
        Err(error) => error.into(),
    }
}

impl Levels {
    /// Tells the log, keeps the answer, which names the place in the log, and commits.
    async fn finish<T: prost::Message>(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        request: &Request,
        draft: Draft,
        answer: impl FnOnce(Option<Position>) -> T + Send,
    ) -> Result<Answer<T>, LevelsError> {
        let positions = self.log.append(&mut tx, tenant, &[draft]).await?;
        let value = answer(positions.first().map(|position| Position::from(*position)));
        requests::record(&mut tx, tenant, Keep::Days30, &[(request, Ok::<_, &Refusal>(&value))]).await?;
        tx.commit().await?;
        self.log.wake(&positions);
        Ok(Answer { value, replayed: false })
    }
}
