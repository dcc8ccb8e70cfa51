//! What a service keeps of profiles, on a real server.
#![allow(clippy::unwrap_used)]

use eventlog::EventPayload;
use ids::{TenantId, UserId};
use pg::{Db, Migrations, Moment, Standing};
use proto::admin::v1::{Tenant, TenantState};
use proto::events::v1::Event;
use proto::profiles::v1::{ProfileAliasLinked, TenantChanged};
use time::OffsetDateTime;
use time::macros::datetime;
use units::time::to_proto;

fn event<P: EventPayload>(user: &str, payload: &P) -> Event {
    let r#type = P::event_type().to_owned();
    Event { user_id: user.to_owned(), r#type, payload: payload.encode_to_vec(), ..Event::default() }
}

fn tenant_is(state: TenantState, clock: Option<OffsetDateTime>) -> Event {
    let tenant = Tenant { state: state.into(), clock: clock.map(to_proto), ..Tenant::default() };
    event("", &TenantChanged { tenant: Some(tenant) })
}

fn linked(alias: &str, user: &str) -> Event {
    event(user, &ProfileAliasLinked { alias: alias.to_owned() })
}

async fn apply(db: &Db, tenant: &TenantId, events: &[Event]) {
    let mut tx = db.begin(tenant).await.unwrap();
    mirror::apply(&mut tx, tenant, events).await.unwrap();
    tx.commit().await.unwrap();
}

async fn standing(db: &Db, tenant: &TenantId) -> Standing {
    pg::standing(&mut db.begin(tenant).await.unwrap()).await.unwrap()
}

async fn meant(db: &Db, tenant: &TenantId, id: &str) -> String {
    let user = UserId::new(id).unwrap();
    let mut tx = db.begin(tenant).await.unwrap();
    mirror::resolve(&mut tx, tenant, [&user]).await.unwrap().meant(&user).to_string()
}

#[tokio::test]
async fn a_tenant_is_unknown_until_told_of_and_its_clock_never_goes_back() {
    let database = testkit::database(&[&Migrations::new("till", [&mirror::MIGRATOR])]).await;
    let (db, shop) = (database.db("till").await, TenantId::new("shop").unwrap());
    assert_eq!(standing(&db, &shop).await, Standing::Unknown);
    let (early, late) = (datetime!(2025-01-01 0:00 UTC), datetime!(2025-06-01 0:00 UTC));
    apply(&db, &shop, &[tenant_is(TenantState::Active, Some(late))]).await;
    assert_eq!(standing(&db, &shop).await, Standing::Open(Moment { at: late, catalogue: 0 }));
    apply(&db, &shop, &[tenant_is(TenantState::Active, Some(early))]).await;
    assert_eq!(standing(&db, &shop).await, Standing::Open(Moment { at: late, catalogue: 0 }));
    assert_eq!(pg::clock(&mut db.begin(&shop).await.unwrap()).await.unwrap(), late);
    apply(&db, &shop, &[tenant_is(TenantState::Suspended, None)]).await;
    assert_eq!(standing(&db, &shop).await, Standing::Suspended);
    let other = TenantId::new("other").unwrap();
    assert_eq!(standing(&db, &other).await, Standing::Unknown);
    let real = pg::clock(&mut db.begin(&other).await.unwrap()).await.unwrap();
    assert!(real > datetime!(2026-01-01 0:00 UTC), "a tenant without a manual clock has the real one");
}

#[tokio::test]
async fn an_id_means_itself_until_it_is_linked_and_chains_end_at_one_user() {
    let database = testkit::database(&[&Migrations::new("till", [&mirror::MIGRATOR])]).await;
    let (db, shop) = (database.db("till").await, TenantId::new("shop").unwrap());
    assert_eq!(meant(&db, &shop, "微信").await, "微信");
    apply(&db, &shop, &[linked("微信", "u")]).await;
    apply(&db, &shop, &[linked("微信", "u"), linked("u", "w")]).await;
    assert_eq!((meant(&db, &shop, "微信").await, meant(&db, &shop, "u").await), ("w".to_owned(), "w".to_owned()));
    assert_eq!(meant(&db, &TenantId::new("other").unwrap(), "u").await, "u");
}
