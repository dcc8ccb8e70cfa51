//! The kit, tried on real servers.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use pg::Migrations;
use sqlx::{Connection, Executor, PgConnection};
use testkit::{OwnRedis, at, database, eventually, eventually_within};
use tokio::net::TcpStream;

fn migrations() -> Migrations {
    Migrations::new("kit", [])
}

async fn names(conn: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select datname from pg_database order by 1").fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_and_leaves_none() {
    let first = database(&[&migrations()]).await;
    let second = database(&[&migrations()]).await;
    let mut conn = first.admin("kit").await;
    conn.execute("create table note (text text)").await.unwrap();
    let seen: Option<String> = sqlx::query_scalar("select to_regclass('kit.note')::text")
        .fetch_one(&mut second.admin("kit").await)
        .await
        .unwrap();
    assert_eq!(seen, None);

    let name = first.admin_url.rsplit('/').next().unwrap().to_owned();
    let mut other = second.admin("kit").await;
    assert!(names(&mut other).await.contains(&name));
    drop(first); // with a connection still open
    assert!(!names(&mut other).await.contains(&name));
}

#[tokio::test]
async fn tests_that_start_together_get_databases() {
    let one = || async { database(&[&migrations()]).await };
    let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
    let mut urls: Vec<_> = [a, b, c, d].iter().map(|db| db.admin_url.clone()).collect();
    urls.sort();
    urls.dedup();
    assert_eq!(urls.len(), 4);
}

#[tokio::test]
async fn a_service_connects_as_its_own_role() {
    let db = database(&[&migrations()]).await;
    let mut conn = PgConnection::connect(&db.settings("kit").url).await.unwrap();
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&mut conn).await.unwrap();
    assert_eq!(role, "banyan_kit");
    db.db("kit").await.ping().await.unwrap();
}

#[tokio::test]
async fn a_redis_of_ones_own_comes_back_at_its_address() {
    let redis = OwnRedis::start();
    let address = redis.url().strip_prefix("redis://").unwrap().to_owned();
    TcpStream::connect(&address).await.unwrap();
    redis.stop();
    assert!(TcpStream::connect(&address).await.is_err());
    redis.start_again();
    TcpStream::connect(&address).await.unwrap();
}

#[tokio::test]
async fn a_condition_is_waited_for() {
    let mut asked = 0;
    let value = eventually(|| {
        asked += 1;
        std::future::ready((asked == 3).then_some(asked))
    });
    assert_eq!(value.await, 3);
}

#[tokio::test]
#[should_panic(expected = "last answer: \"still two\"")]
async fn a_condition_that_never_holds_shows_its_last_answer() {
    eventually_within(Duration::from_millis(5), || async { Err::<(), _>("still two") }).await;
}

#[test]
fn a_moment_is_read_in_any_zone() {
    assert_eq!(at("2026-03-01T07:30:00+08:00"), at("2026-02-28T23:30:00Z"));
}

#[test]
fn tokens_are_accepted_by_servers_with_the_issuers_settings() {
    let issuer = testkit::tokens();
    assert!(issuer.jwks_file().is_file() && issuer.settings().development);
    let token = issuer.mint(&authn::dev::Grant::service("tester").every_scope());
    assert_eq!(token.split('.').count(), 3);
}
