//! Request records on a real server, a database per test.
#![allow(clippy::unwrap_used)]

mod purging;
mod replaying;

use ids::{RequestId, TenantId};
use pg::{Db, MaybeConflict, Migrations, StoreError};
use requests::{Keep, Known, Request, first_of_each, look_up, record};
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;
use testkit::TestDb;

static TILL: Migrator = sqlx::migrate!("./tests/migrations");

async fn database() -> TestDb {
    testkit::database(&[&Migrations::new("till", [&requests::MIGRATOR, &TILL])]).await
}

fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

/// What a till answers: the balance after the payment.
type Answer = i64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Refusal {
    Short { available: i64 },
}

#[derive(Debug, Clone, PartialEq)]
enum PayError {
    Refused(Refusal),
    Reused,
    Store(String, bool),
}

impl From<StoreError> for PayError {
    fn from(error: StoreError) -> Self {
        Self::Store(format!("{error:?}"), error.retryable())
    }
}

impl MaybeConflict for PayError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(_, true))
    }
}

type Outcome = Result<Answer, PayError>;

/// A payment of an amount, which is all of its body.
fn pay(id: &str, amount: i64) -> (Request, i64) {
    let id = RequestId::new(id).unwrap();
    (Request { user: "u1".to_owned(), method: "TillService/Pay", id, body: requests::body_of(&amount) }, amount)
}

/// A write as services write it, but for the lock of the row: so callers with the same id meet only at the record.
async fn paid(db: &Db, tenant: &TenantId, batch: &[(Request, i64)]) -> Vec<Outcome> {
    match pg::retrying("pay", || paid_once(db, tenant, batch)).await {
        Ok(outcomes) => outcomes,
        Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
    }
}

async fn paid_once(db: &Db, tenant: &TenantId, batch: &[(Request, i64)]) -> Result<Vec<Outcome>, PayError> {
    let mut tx = db.begin(tenant).await?;
    let asked: Vec<&Request> = batch.iter().map(|(request, _)| request).collect();
    let known = look_up::<Answer, Refusal>(&mut tx, tenant, &asked).await?;
    let firsts = first_of_each(&asked);

    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut new = Vec::new();
    for (place, (known, (request, amount))) in known.into_iter().zip(batch).enumerate() {
        let first = firsts[place];
        outcomes.push(match known {
            Known::Answered(answer) => Ok(answer),
            Known::Refused(refusal) => Err(PayError::Refused(refusal)),
            Known::OtherBody => Err(PayError::Reused),
            Known::New if first == place => {
                new.push(place);
                decided(&mut tx, tenant, *amount).await?
            }
            Known::New if batch[first].0.body == request.body => outcomes[first].clone(),
            Known::New => Err(PayError::Reused),
        });
    }
    let made: Vec<_> = new.iter().map(|&place| (asked[place], to_record(&outcomes[place]))).collect();
    record(&mut tx, tenant, Keep::Forever, &made).await?;
    tx.commit().await?;
    Ok(outcomes)
}

fn to_record(outcome: &Outcome) -> Result<&Answer, &Refusal> {
    match outcome {
        Ok(answer) => Ok(answer),
        Err(PayError::Refused(refusal)) => Err(refusal),
        Err(PayError::Reused | PayError::Store(..)) => unreachable!("not decided from state"),
    }
}

async fn decided(tx: &mut pg::Tx, tenant: &TenantId, amount: i64) -> Result<Outcome, PayError> {
    let taken = sqlx::query_scalar(
        "update till set balance = balance - $2 where tenant_id = $1 and balance >= $2 returning balance",
    );
    let taken = taken.bind(tenant.as_str()).bind(amount).fetch_optional(&mut **tx).await.map_err(StoreError::from)?;
    match taken {
        Some(balance) => Ok(Ok(balance)),
        None => Ok(Err(PayError::Refused(Refusal::Short { available: balance(tx, tenant).await? }))),
    }
}

async fn balance(tx: &mut pg::Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    let query = sqlx::query_scalar("select balance from till where tenant_id = $1");
    Ok(query.bind(tenant.as_str()).fetch_one(&mut **tx).await?)
}

async fn with_balance(db: &Db, id: &str, balance: i64) -> TenantId {
    let tenant = tenant(id);
    let mut tx = db.begin(&tenant).await.unwrap();
    let query = sqlx::query("insert into till (tenant_id, balance) values ($1, $2)");
    query.bind(id).bind(balance).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    tenant
}

async fn balance_of(db: &Db, tenant: &TenantId) -> i64 {
    balance(&mut db.begin(tenant).await.unwrap(), tenant).await.unwrap()
}
