use std::collections::BTreeMap;

use ids::TenantId;
use profiles::commands::{LinkAlias, UpdateProfile, UpsertProfile};
use profiles::domain::profile::{Change, Field, Traits};
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use proto::profiles::v1::{LinkAliasResponse, UpdateProfileResponse, UpsertProfileResponse};
use service::Answer;
use service::Gather;

use super::support::*;

fn traits(locale: &str, attributes: &[(&str, &str)]) -> Traits {
    let attributes = attributes.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Traits { locale: locale.into(), attributes: attributes.collect(), ..Traits::default() }
}

async fn upsert(
    world: &World,
    (user, id): (&str, &str),
    etag: &str,
    traits: Traits,
) -> Result<Answer<UpsertProfileResponse>, ProfilesError> {
    let request = request(user, "ProfileService/UpsertProfile", id, &format!("{etag} {traits:?}"));
    let command = UpsertProfile { request, user_id: user_id(user), etag: etag.into(), traits };
    world.profiles.upsert_profile(&world.shop, &command).await
}

async fn update(
    world: &World,
    (user, id): (&str, &str),
    etag: &str,
    (traits, fields): (Traits, Vec<Field>),
) -> Result<Answer<UpdateProfileResponse>, ProfilesError> {
    let request = request(user, "ProfileService/UpdateProfile", id, &format!("{etag} {traits:?} {fields:?}"));
    let change = Change::Set(traits, fields);
    let command = UpdateProfile { request, user_id: user_id(user), etag: etag.into(), change };
    world.profiles.update_profile(&world.shop, &command).await
}

async fn link(world: &World, user: &str, alias: &str, id: &str) -> Result<Answer<LinkAliasResponse>, ProfilesError> {
    let request = request(user, "ProfileService/LinkAlias", id, alias);
    let command = LinkAlias { request, user_id: user_id(user), alias: user_id(alias) };
    world.profiles.link_alias(&world.shop, &command).await
}

#[tokio::test]
async fn an_upsert_creates_then_adds_and_repeats_answer_as_at_first() {
    let world = world().await;
    let first = upsert(&world, ("u1", "a"), "", traits("zh-CN", &[("plan", "free")])).await.unwrap();
    assert!(first.value.created && !first.replayed);
    let second = upsert(&world, ("u1", "b"), "v1", traits("", &[("age", "30s")])).await.unwrap();
    let profile = second.value.profile.unwrap();
    assert!(!second.value.created);
    assert_eq!((profile.locale.as_str(), profile.etag.as_str()), ("zh-CN", "v2"));
    let want = BTreeMap::from([("age".to_owned(), "30s".to_owned()), ("plan".to_owned(), "free".to_owned())]);
    assert_eq!(profile.attributes, want);
    let again = upsert(&world, ("u1", "a"), "", traits("zh-CN", &[("plan", "free")])).await.unwrap();
    assert_eq!((again.value, again.replayed), (first.value, true));
    let reused = upsert(&world, ("u1", "a"), "", traits("en", &[])).await;
    assert!(matches!(reused, Err(ProfilesError::RequestIdReused { .. })));
    assert_eq!(world.log("u1").await.len(), 2);
}

#[tokio::test]
async fn a_stale_etag_is_refused_and_stays_refused() {
    let world = world().await;
    upsert(&world, ("u1", "a"), "", traits("zh", &[])).await.unwrap();
    upsert(&world, ("u1", "b"), "v1", traits("en", &[])).await.unwrap();
    let stale = update(&world, ("u1", "c"), "v1", (traits("fr", &[]), vec![Field::Locale])).await;
    assert_eq!(refusal(stale), Refusal::EtagMismatch { etag: "v2".into() });
    let again = update(&world, ("u1", "c"), "v1", (traits("fr", &[]), vec![Field::Locale])).await;
    assert!(matches!(again, Err(ProfilesError::Refused { replayed: true, .. })));
    let created_with_etag = upsert(&world, ("u2", "d"), "v1", traits("zh", &[])).await;
    assert_eq!(refusal(created_with_etag), Refusal::EtagMismatch { etag: String::new() });
    let found = world.profiles.answer(&world.shop, &[], asked("u2")).await;
    assert_eq!(refusal(found), Refusal::ProfileNotFound { user_id: "u2".into() });
}

#[tokio::test]
async fn an_update_sets_the_masked_fields_only_and_orders_leave_the_etag() {
    let world = world().await;
    upsert(&world, ("u1", "a"), "", traits("zh", &[("plan", "free")])).await.unwrap();
    world.accept(&[event("u1", "e", paid("o", 100))]).await;
    let fields = vec![Field::Attributes, Field::Channel];
    let sent = Traits { channel: "wechat".into(), ..traits("en", &[]) };
    let answer = update(&world, ("u1", "b"), "v1", (sent, fields)).await.unwrap();
    let profile = answer.value.profile.unwrap();
    assert_eq!((profile.locale.as_str(), profile.channel.as_str()), ("zh", "wechat"));
    assert!(profile.attributes.is_empty());
    assert_eq!(profile.spend.unwrap().orders, 1);
    let nobody = update(&world, ("u9", "c"), "", (traits("en", &[]), vec![Field::Locale])).await;
    assert_eq!(refusal(nobody), Refusal::ProfileNotFound { user_id: "u9".into() });
}

#[tokio::test]
async fn an_alias_means_its_user_in_every_call() {
    let world = world().await;
    world.accept(&[event("u1", "e1", paid("o1", 100)), event("u2", "e1", paid("o1", 5))]).await;
    let answer = link(&world, "u1", "wx-1", "l1").await.unwrap();
    assert_eq!(answer.value.profile.unwrap().aliases, ["wx-1"]);
    assert!(link(&world, "wx-1", "wx-2", "l2").await.is_ok(), "the user may be named by an alias");
    assert!(link(&world, "u1", "wx-1", "l3").await.is_ok(), "linking again changes nothing");
    for (user, alias) in [("u1", "u2"), ("u2", "wx-1"), ("u1", "u1")] {
        let id = format!("{user}-{alias}");
        assert_eq!(refusal(link(&world, user, alias, &id).await), Refusal::AliasTaken { alias: alias.into() });
    }
    world.accept(&[event("wx-2", "e2", refunded("o1", "r1", 40)), event("wx-1", "e3", paid("o2", 7))]).await;
    assert_eq!(world.spend("wx-1").await, (2, 67));
    let again = world.accept(&[event("u1", "e3", paid("o2", 7)), event("wx-1", "e1", paid("o1", 100))]).await;
    assert!(again.iter().all(|taken| taken.replayed), "an event is the same under any of its user's ids");
    let (record, _) = world.profiles.get_order(&world.shop, ("wx-2", "o2"), &[]).await.unwrap();
    assert_eq!(record.user_id, "u1");
    let asked = ["wx-1", "nobody", "u2", "u1", "nobody"].map(str::to_owned);
    let (found, _) = world.profiles.batch_get_profiles(&world.shop, &asked, &[]).await.unwrap();
    let ids: Vec<&str> = found.profiles.iter().map(|profile| profile.user_id.as_str()).collect();
    assert_eq!((ids, found.missing), (vec!["u1", "u2"], vec!["nobody".to_owned()]));
    assert_eq!(world.summaries_that_differ().await, 0);
}

#[tokio::test]
async fn users_are_listed_page_by_page_in_byte_order_without_aliases() {
    let world = world().await;
    let ids = ["Z", "a", "é", "用户", "b"];
    let events: Vec<_> = ids.iter().map(|id| event(id, "e", paid("o", 1))).collect();
    world.accept(&events).await;
    link(&world, "a", "aa", "l").await.unwrap();
    let mut seen = Vec::new();
    let mut after = Some(String::new());
    while let Some(id) = after {
        let (got, _) = world.profiles.list_profiles(&world.shop, (&id, 2), &[]).await.unwrap();
        seen.extend(got.rows.into_iter().map(|profile| profile.user_id));
        after = got.next;
    }
    let mut want = ids.map(str::to_owned);
    want.sort();
    assert_eq!(seen, want);
}

#[tokio::test]
async fn orders_are_listed_newest_first_page_by_page() {
    let world = world().await;
    let at = |n: i64| noon() + time::Duration::hours(n);
    let mut events: Vec<_> =
        (0..7).map(|n| event_at("u1", &format!("e{n}"), at(n), created(&format!("o{n}"), n))).collect();
    events.push(event_at("u1", "same time", at(6), paid("o7", 1)));
    events.push(event_at("u1", "refund", at(9), refunded("o7", "r", 1)));
    world.accept(&events).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let key = after.as_ref().map(|(at, id): &(time::OffsetDateTime, String)| (*at, id.as_str()));
        let (got, _) = world.profiles.list_orders(&world.shop, "u1", (key, 3), &[]).await.unwrap();
        seen.extend(got.rows.into_iter().map(|row| (row.order.basket.order_id.clone(), row.refunds.len())));
        after = got.next;
        if after.is_none() {
            break;
        }
    }
    let want: Vec<_> = (0..8).rev().map(|n| (format!("o{n}"), usize::from(n == 7))).collect();
    assert_eq!(seen, want);
}

#[tokio::test]
async fn two_tenants_with_the_same_ids_see_nothing_of_each_other() {
    let world = world().await;
    let other: TenantId = tenant_id("other");
    world.profiles.create_tenant(&other, &create("CNY", "UTC")).await.unwrap();
    world.accept(&[event("u1", "e1", paid("o1", 100))]).await;
    let theirs = world.profiles.record_events(&other, &[event("u1", "e1", paid("o1", 7))]).await.unwrap();
    assert!(matches!(&theirs[0], Ok(taken) if !taken.replayed), "{theirs:?}");
    let (profile, _) = world.profiles.answer(&other, &[], asked("u1")).await.unwrap();
    assert_eq!((profile.spend.orders, profile.spend.net), (1, 7));
    assert_eq!(world.spend("u1").await, (1, 100));
    world.accept(&[event("mine", "e1", paid("o2", 1))]).await;
    let hidden = world.profiles.answer(&other, &[], asked("mine")).await;
    assert_eq!(refusal(hidden), Refusal::ProfileNotFound { user_id: "mine".into() });
    let (page, _) = world.profiles.list_profiles(&other, ("", 0), &[]).await.unwrap();
    assert_eq!(page.rows.len(), 1);
}

#[tokio::test]
async fn users_asked_for_together_are_each_found_or_missed_by_themselves() {
    let world = world().await;
    for id in ["u1", "u2"] {
        upsert(&world, (id, "a"), "", traits("zh-CN", &[])).await.unwrap();
    }
    let ids = ["u2", "nobody", "u1", "u2"];
    let found = world.profiles.answers(&world.shop, &[], &ids.map(asked)).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|it| it.ok().map(|(profile, _)| profile.user_id)).collect();
    assert_eq!(found, [Some("u2".to_owned()), None, Some("u1".to_owned()), Some("u2".to_owned())]);
}
