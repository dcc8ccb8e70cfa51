use profiles::domain::refusal::Refusal;

use super::support::*;

#[tokio::test]
async fn a_tenant_is_created_once_and_told_of() {
    let world = world().await;
    let again = world.profiles.create_tenant(&world.shop, &create("CNY", "Asia/Shanghai")).await.unwrap();
    assert!(again.replayed);
    let mut other = create("USD", "UTC");
    other.request = request("", "TenantService/CreateTenant", "another", "x");
    let taken = world.profiles.create_tenant(&world.shop, &other).await;
    assert_eq!(refusal(taken), Refusal::TenantExists { tenant_id: "shop".into() });
    let tenant = world.profiles.get_tenant(&world.shop).await.unwrap();
    assert_eq!((tenant.currency.as_str(), tenant.zone.as_str()), ("CNY", "Asia/Shanghai"));
    assert_eq!(world.log("").await.len(), 1);
}

#[tokio::test]
async fn a_change_needs_the_etag_that_was_read_and_moves_it_on() {
    let world = world().await;
    let changed = world.profiles.update_tenant(&world.shop, &suspend("a", true)).await.unwrap().value;
    assert_eq!(changed.tenant.unwrap().etag, "v2");
    let mut stale = suspend("b", false);
    stale.etag = "v1".into();
    let refused = world.profiles.update_tenant(&world.shop, &stale).await;
    assert_eq!(refusal(refused), Refusal::EtagMismatch { etag: "v2".into() });
    let nothing_new = world.profiles.update_tenant(&world.shop, &suspend("c", true)).await.unwrap().value;
    assert_eq!(nothing_new.tenant.unwrap().etag, "v2");
    let nobody = world.profiles.update_tenant(&tenant_id("nobody"), &suspend("a", true)).await;
    assert_eq!(refusal(nobody), Refusal::TenantNotFound { tenant_id: "nobody".into() });
}

#[tokio::test]
async fn all_tenants_are_listed_page_by_page() {
    let world = world().await;
    for id in ["a", "zoo", "b"] {
        world.profiles.create_tenant(&tenant_id(id), &create("CNY", "UTC")).await.unwrap();
    }
    let first = world.profiles.list_tenants("", 3).await.unwrap();
    let second = world.profiles.list_tenants(&first.next.unwrap(), 3).await.unwrap();
    let ids: Vec<String> = [first.rows, second.rows].concat().into_iter().map(|tenant| tenant.tenant_id).collect();
    assert_eq!(ids, ["a", "b", "shop", "zoo"]);
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn a_tenant_of_whom_others_have_not_heard_is_told_of_once() {
    let world = world().await;
    let mut admin = world.db.admin(profiles::NAME).await;
    sqlx::query("update tenant set told = false").execute(&mut admin).await.unwrap();
    let before = world.log("").await.len();
    world.profiles.review().await.unwrap();
    world.profiles.review().await.unwrap();
    assert_eq!(world.log("").await.len(), before + 1);
}
