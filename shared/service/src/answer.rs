use std::future::Future;

use ids::TenantId;
use pg::{StoreError, Tx};
use prost::Message;
use requests::{Encoded, Keep, Known, Request};
use tonic::{Response, Status};

use crate::{Failure, Refuse};

/// What a write answered, now or when its request id was first used.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// True: it is the first one, given again.
    pub replayed: bool,
}

/// What is known of a request id, as the outcome it leads to; `None`: it is to be decided.
pub fn settled<T, R: Refuse>(request: &Request, known: Known<T, R>) -> Option<Result<Answer<T>, Failure<R>>> {
    match known {
        Known::New => None,
        Known::Answered(value) => Some(Ok(Answer { value, replayed: true })),
        Known::Refused(refusal) => Some(Err(Failure::Refused { refusal, replayed: true })),
        Known::OtherBody => Some(Err(Failure::RequestIdReused { request_id: request.id.to_string() })),
    }
}

/// The outcome that a request id already has. Comes after the locks, in a statement of its own.
pub async fn earlier<T, R>(tx: &mut Tx, tenant: &TenantId, request: &Request) -> Result<Option<Answer<T>>, Failure<R>>
where
    T: Message + Default,
    R: Refuse,
{
    let known = requests::look_up::<T, R>(tx, tenant, &[request]).await?.pop();
    known.and_then(|known| settled(request, known)).transpose()
}

/// Keeps a refusal, so that a late duplicate gets it too. Whatever else the transaction did must have been undone.
pub async fn refuse<R: Refuse>(tx: Tx, tenant: &TenantId, request: &Request, refusal: R) -> Failure<R> {
    match record_refusal(tx, tenant, request, &refusal).await {
        Ok(()) => refusal.into(),
        Err(error) => error.into(),
    }
}

async fn record_refusal<R: Refuse>(
    mut tx: Tx,
    tenant: &TenantId,
    request: &Request,
    refusal: &R,
) -> Result<(), pg::StoreError> {
    requests::record(&mut tx, tenant, Keep::Days30, &[(request, Err::<&(), _>(refusal))]).await?;
    tx.commit().await
}

/// An encoded answer as its method's message.
pub fn decoded<T: Message + Default, R: Refuse>(encoded: Answer<Encoded>) -> Result<Answer<T>, Failure<R>> {
    let value = encoded.value.decode().map_err(|error| StoreError::from(sqlx::Error::Decode(error.into())))?;
    Ok(Answer { value, replayed: encoded.replayed })
}

/// The outcome of the only call of a batch.
pub fn only<T, E>(outcomes: Vec<Result<T, E>>) -> Result<T, E> {
    outcomes.into_iter().next().expect("a batch of one call has one outcome")
}

/// Runs a write to its end, whether or not its caller stays, and marks the answer of a repeated one.
pub async fn write<T, R, F>(work: F) -> Result<Response<T>, Status>
where
    T: Send + 'static,
    R: Refuse,
    F: Future<Output = Result<Answer<T>, Failure<R>>> + Send + 'static,
{
    let answer = rt::write(work).await?;
    let response = Response::new(answer.value);
    Ok(if answer.replayed { rt::replayed(response) } else { response })
}
