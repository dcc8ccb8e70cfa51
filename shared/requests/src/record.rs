use ids::TenantId;
use pg::{StoreError, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Recorded, Request};

/// How long the record of a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For ledgers: an id never becomes free again.
    Forever,
    /// For everything else, see [`crate::RETENTION`].
    Days30,
}

/// What is known of a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T, R> {
    /// Nothing: to be decided now.
    New,
    /// It took effect, with this answer.
    Answered(T),
    /// It was refused for this reason.
    Refused(R),
    /// It was used for a call with another body.
    OtherBody,
}

struct Row {
    place: i64,
    body_hash: Vec<u8>,
    refused: bool,
    answer: Vec<u8>,
}

/// What is known of each request, in their order. Comes after the locks of the write and in a statement of its own, so
/// that it sees whatever the earlier holder of the locks recorded.
pub async fn look_up<T, R>(
    tx: &mut Tx,
    tenant: &TenantId,
    requests: &[&Request],
) -> Result<Vec<Known<T, R>>, StoreError>
where
    T: Recorded,
    R: DeserializeOwned,
{
    let (users, methods, ids) = columns(requests.iter().copied());
    let rows = sqlx::query_as!(
        Row,
        r#"select asked.place as "place!", known.body_hash, known.refused, known.answer
        from unnest($2::text[], $3::text[], $4::text[]) with ordinality as asked (user_id, method, request_id, place)
        join request_record known
          on known.tenant_id = $1 and known.user_id = asked.user_id
         and known.method = asked.method and known.request_id = asked.request_id"#,
        tenant.as_str(),
        &users as &[&str],
        &methods as &[&str],
        &ids as &[&str],
    )
    .fetch_all(&mut **tx)
    .await?;

    let mut known: Vec<Known<T, R>> = requests.iter().map(|_| Known::New).collect();
    for row in rows {
        let place = usize::try_from(row.place - 1).expect("places count from 1");
        known[place] = row.known(requests[place])?;
    }
    Ok(known)
}

/// Records outcomes, each request at most once. [`StoreError::Conflict`] says that a concurrent transaction recorded one
/// of the ids first: the whole attempt is to be made again and will find it.
pub async fn record<T, R>(
    tx: &mut Tx,
    tenant: &TenantId,
    keep: Keep,
    outcomes: &[(&Request, Result<&T, &R>)],
) -> Result<(), StoreError>
where
    T: Recorded,
    R: Serialize,
{
    if outcomes.is_empty() {
        return Ok(());
    }
    let (users, methods, ids) = columns(outcomes.iter().map(|(request, _)| *request));
    let bodies: Vec<&[u8]> = outcomes.iter().map(|(request, _)| request.body.as_slice()).collect();
    let refused: Vec<bool> = outcomes.iter().map(|(_, outcome)| outcome.is_err()).collect();
    let answers: Vec<Vec<u8>> = outcomes.iter().map(|(_, outcome)| encode(*outcome)).collect::<Result<_, _>>()?;
    sqlx::query!(
        "insert into request_record (tenant_id, user_id, method, request_id, body_hash, refused, answer, keep)
        select $1, made.user_id, made.method, made.request_id, made.body_hash, made.refused, made.answer, $2
        from unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::boolean[], $8::bytea[])
          as made (user_id, method, request_id, body_hash, refused, answer)",
        tenant.as_str(),
        keep == Keep::Forever,
        &users as &[&str],
        &methods as &[&str],
        &ids as &[&str],
        &bodies as &[&[u8]],
        &refused,
        &answers,
    )
    .execute(&mut **tx)
    .await
    .map_err(|error| match StoreError::from(error) {
        error if error.constraint() == Some("request_record_pkey") => error.into_conflict(),
        other => other,
    })?;
    Ok(())
}

impl Row {
    fn known<T, R>(self, request: &Request) -> Result<Known<T, R>, StoreError>
    where
        T: Recorded,
        R: DeserializeOwned,
    {
        if self.body_hash != request.body {
            return Ok(Known::OtherBody);
        }
        if self.refused {
            return Ok(Known::Refused(serde_json::from_slice(&self.answer).map_err(unreadable)?));
        }
        Ok(Known::Answered(T::read(self.answer).map_err(unreadable)?))
    }
}

fn encode<T: Recorded, R: Serialize>(outcome: Result<&T, &R>) -> Result<Vec<u8>, StoreError> {
    match outcome {
        Ok(answer) => Ok(answer.written()),
        Err(refusal) => serde_json::to_vec(refusal).map_err(|error| sqlx::Error::Encode(error.into()).into()),
    }
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    sqlx::Error::Decode(error.into()).into()
}

/// The scopes of requests, column by column.
fn columns<'a>(requests: impl Iterator<Item = &'a Request>) -> (Vec<&'a str>, Vec<&'a str>, Vec<&'a str>) {
    let (mut users, mut methods, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (user, method, id) in requests.map(Request::scope) {
        users.push(user);
        methods.push(method);
        ids.push(id);
    }
    (users, methods, ids)
}
