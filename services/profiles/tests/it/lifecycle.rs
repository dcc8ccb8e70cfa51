use profiles::commands::{ModelsPart, UpdateModels};
use profiles::domain::event::Report;
use profiles::domain::lifecycle::{Models, Stage, StageModel};
use profiles::domain::refusal::Refusal;
use profiles::domain::rfm::{Cuts, Method, RfmModel};

use super::support::*;

fn change(id: &str, etag: &str, models: Models, parts: Vec<ModelsPart>) -> UpdateModels {
    let request = request("", "LifecycleService/UpdateModels", id, &format!("{models:?}"));
    UpdateModels { request, etag: etag.into(), models, parts }
}

#[tokio::test]
async fn a_tenant_has_the_default_models_until_it_sets_its_own() {
    let world = world().await;
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap(), Models::default());
    let stage = StageModel { loyal_orders: 3, dormant_after_days: 10, lost_after_days: 20 };
    let cuts = Cuts { recency_days: [40, 30, 20, 10], ..Cuts::default() };
    let rfm = RfmModel { method: Method::Quintiles, window_days: 100, cuts };
    let models = Models { stage, rfm, version: 0 };
    let of_stage = change("a", "v0", models.clone(), vec![ModelsPart::Stage]);
    let answer = world.profiles.update_models(&world.shop, &of_stage).await.unwrap();
    assert_eq!(answer.value.models.unwrap().etag, "v1");
    let half = Models { stage, version: 1, ..Models::default() };
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap(), half);
    let stale = change("b", "v0", models.clone(), vec![ModelsPart::Rfm]);
    let refused = world.profiles.update_models(&world.shop, &stale).await;
    assert_eq!(refusal(refused), Refusal::EtagMismatch { etag: "v1".into() });
    let of_rfm = change("c", "v1", models.clone(), vec![ModelsPart::Rfm]);
    world.profiles.update_models(&world.shop, &of_rfm).await.unwrap();
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap(), Models { version: 2, ..models });
}

#[tokio::test]
async fn a_users_standing_moves_with_orders_visits_and_time() {
    let world = world().await;
    let day = |n: i64| noon() + time::Duration::days(n);
    let stage_at = async |n: i64| world.profiles.get_standing(&world.shop, "u1", Some(day(n)), &[]).await.unwrap();
    world.accept(&[event_at("u1", "v", day(-1), Report::Visit(1))]).await;
    assert_eq!(stage_at(0).await, (Stage::Prospect, None));
    world.accept(&[event_at("u1", "e1", day(0), paid("o1", 6_000))]).await;
    assert_eq!(stage_at(-1).await.0, Stage::Prospect, "the order is not yet known to be paid then");
    let (stage, score) = stage_at(0).await;
    let score = score.unwrap();
    assert_eq!((stage, score.recency, score.frequency, score.monetary), (Stage::FirstOrder, 5, 1, 2));
    assert_eq!(stage_at(90).await.0, Stage::Dormant);
    world.accept(&[event_at("u1", "v2", day(30), Report::Visit(1))]).await;
    assert_eq!(stage_at(90).await.0, Stage::FirstOrder, "a visit keeps a buyer");
    assert_eq!(stage_at(210).await.0, Stage::Lost);
    assert_eq!(stage_at(365).await.1, None, "outside of the window there is no score");
    world.accept(&[event_at("u1", "r", day(40), refunded("o1", "r", 6_000))]).await;
    assert_eq!(stage_at(40).await, (Stage::Prospect, None), "given back whole, it was no purchase");
    let nobody = world.profiles.get_standing(&world.shop, "nobody", None, &[]).await;
    assert_eq!(refusal(nobody), Refusal::ProfileNotFound { user_id: "nobody".into() });
}
