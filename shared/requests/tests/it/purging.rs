use pg::{Db, Tx};
use requests::{Keep, Known, Request, look_up, purge, record};
use time::{Duration, OffsetDateTime};

use crate::{database, pay, tenant};

async fn recorded(db: &Db, id: &str, keep: Keep, requests: impl IntoIterator<Item = Request>) {
    let requests: Vec<Request> = requests.into_iter().collect();
    let outcomes: Vec<(&Request, Result<&i64, &()>)> = requests.iter().map(|request| (request, Ok(&1))).collect();
    let mut tx = db.begin(&tenant(id)).await.unwrap();
    record(&mut tx, &tenant(id), keep, &outcomes).await.unwrap();
    tx.commit().await.unwrap();
}

async fn known(db: &Db, id: &str, request: &Request) -> Known<i64, ()> {
    let mut tx: Tx = db.begin(&tenant(id)).await.unwrap();
    look_up(&mut tx, &tenant(id), &[request]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_purge_deletes_old_records_of_every_tenant_but_none_of_a_ledger() {
    let test = database().await;
    let db = test.db("till").await;
    let (ledger, other) = (pay("ledger", 1).0, pay("other", 1).0);
    for id in ["shop", "mall"] {
        recorded(&db, id, Keep::Forever, [ledger.clone()]).await;
        recorded(&db, id, Keep::Days30, [other.clone()]).await;
    }
    let now = OffsetDateTime::now_utc();
    assert_eq!(purge(&db, now - Duration::days(1)).await.unwrap(), 0);
    assert_eq!(purge(&db, now + Duration::days(1)).await.unwrap(), 2);
    for id in ["shop", "mall"] {
        assert_eq!(known(&db, id, &ledger).await, Known::Answered(1));
        assert_eq!(known(&db, id, &other).await, Known::New);
    }
}

#[tokio::test]
async fn a_purge_of_more_than_one_step_deletes_everything_even_beside_another() {
    let test = database().await;
    let db = test.db("till").await;
    recorded(&db, "shop", Keep::Days30, (0..2_500).map(|n| pay(&n.to_string(), 1).0)).await;
    let soon = OffsetDateTime::now_utc() + Duration::days(1);
    let (one, other) = tokio::join!(purge(&db, soon), purge(&db, soon));
    assert_eq!(one.unwrap() + other.unwrap(), 2_500);
}

#[tokio::test]
async fn nothing_to_look_up_or_record_is_no_error() {
    let test = database().await;
    let db = test.db("till").await;
    recorded(&db, "shop", Keep::Days30, []).await;
    let mut tx = db.begin(&tenant("shop")).await.unwrap();
    assert_eq!(look_up::<i64, ()>(&mut tx, &tenant("shop"), &[]).await.unwrap(), []);
}
