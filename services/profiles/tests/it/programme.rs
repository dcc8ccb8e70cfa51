//! Programmes, with owners that can be broken at will in the place of the other services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ids::TenantId;
use profiles::Profiles;
use profiles::commands::{ApplyProgramme, Wanted};
use profiles::domain::programme::Key;
use profiles::domain::programme::Kind::{EarningRule, LifecycleModels, PointType, Scheme};
use profiles::domain::programme::course::{Act, Violation};
use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use profiles::owners::{Checked, NotPublished, Owners, Publication};
use proto::levels::v1 as levels;
use proto::profiles::v1 as pb;
use proto::programme::v1::{
    ApplyProgrammeResponse, ChangeKind, ProgrammeBundle, RollbackProgrammeResponse, VersionState,
};
use service::Answer;
use tokio::sync::Semaphore;
use tonic::Status;

use super::support::{World, kit, refusal, request, suspend, tenant_id, world};

/// How the next publication but some breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Break {
    /// It is not carried out.
    Before,
    /// It is, and its answer is lost.
    After,
    /// Its owner says no.
    Refused,
}

/// What is in force, and what was done for it.
struct Shelf {
    in_force: Mutex<ProgrammeBundle>,
    /// By request id: how often the call came.
    calls: Mutex<BTreeMap<String, u32>>,
    breaks: Mutex<Option<(u32, Break)>>,
    gate: Semaphore,
}

impl Shelf {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            in_force: Mutex::default(),
            calls: Mutex::default(),
            breaks: Mutex::default(),
            gate: Semaphore::new(1_000),
        })
    }

    fn break_at(&self, place: u32, how: Break) {
        *self.breaks.lock().unwrap() = Some((place, how));
    }

    fn carry_out(&self, publication: Publication) {
        let mut in_force = self.in_force.lock().unwrap();
        match publication {
            Publication::PointType(it) => in_force.point_types.push(it),
            Publication::EarningRule(it) => {
                let version =
                    in_force.earning_rules.iter().find(|old| old.rule_id == it.rule_id).map_or(0, |old| old.version);
                in_force.earning_rules.retain(|old| old.rule_id != it.rule_id);
                in_force.earning_rules.push(levels::EarningRule { version: version + 1, ..it });
            }
            Publication::Scheme(it) => {
                let version = in_force.scheme.as_ref().map_or(0, |old| old.version);
                in_force.scheme = Some(levels::Scheme { version: version + 1, ..it });
            }
        }
    }

    /// Versions of rules and scheme: how often each was published.
    fn versions(&self) -> (usize, Vec<i32>, Option<i32>) {
        let in_force = self.in_force.lock().unwrap();
        let rules = in_force.earning_rules.iter().map(|rule| rule.version).collect();
        (in_force.point_types.len(), rules, in_force.scheme.as_ref().map(|scheme| scheme.version))
    }
}

impl Owners for Shelf {
    fn check<'a>(
        &'a self,
        _: &'a TenantId,
        bundle: &'a ProgrammeBundle,
    ) -> BoxFuture<'a, Result<Checked, ProfilesError>> {
        let wrong = |(place, rule): (usize, &levels::EarningRule)| {
            let field = format!("bundle.earning_rules[{place}].formula");
            (rule.formula == "1 +").then(|| Violation { field, why: "cannot be read".into() })
        };
        let violations = bundle.earning_rules.iter().enumerate().filter_map(wrong).collect();
        async move { Ok(Checked { bundle: bundle.clone(), violations }) }.boxed()
    }

    fn in_force<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<ProgrammeBundle, ProfilesError>> {
        async move { Ok(self.in_force.lock().unwrap().clone()) }.boxed()
    }

    fn publish<'a>(
        &'a self,
        _: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>> {
        async move {
            let _passed = self.gate.acquire().await.unwrap();
            let how = match &mut *self.breaks.lock().unwrap() {
                Some((0, how)) => Some(*how),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            if how.is_some() {
                *self.breaks.lock().unwrap() = None;
            }
            let lost = || NotPublished::Unsettled(ProfilesError::Peer(Box::new(Status::unavailable("lost"))));
            match how {
                Some(Break::Before) => return Err(lost()),
                Some(Break::Refused) => return Err(NotPublished::Refused("NO".into())),
                _ => {}
            }
            let calls = *self.calls.lock().unwrap().entry(request_id).and_modify(|calls| *calls += 1).or_insert(1);
            if calls == 1 {
                self.carry_out(publication);
            }
            if how == Some(Break::After) { Err(lost()) } else { Ok(()) }
        }
        .boxed()
    }
}

async fn shop() -> (World, Arc<Shelf>) {
    let world = world().await;
    let shelf = Shelf::new();
    let kit = kit(&world.db).await;
    let owners: Arc<dyn Owners> = shelf.clone();
    let core = service::Core::new(kit.db, kit.log);
    let profiles = Profiles::new(core, kit.peers, kit.settings).with_owners(owners);
    (World { profiles: Arc::new(profiles), ..world }, shelf)
}

fn point_type(id: &str) -> levels::PointType {
    levels::PointType { point_type_id: id.into(), zone: "UTC".into(), ..Default::default() }
}

fn rule(id: &str, formula: &str) -> levels::EarningRule {
    levels::EarningRule {
        rule_id: id.into(),
        point_type_id: "points".into(),
        event_type: "order.completed".into(),
        formula: formula.into(),
        ..Default::default()
    }
}

fn bundle(thresholds: &[i64]) -> ProgrammeBundle {
    let level = |(rank, threshold): (i32, &i64)| levels::Level { rank, threshold: *threshold, ..Default::default() };
    ProgrammeBundle {
        point_types: vec![point_type("points")],
        earning_rules: vec![rule("a", "1"), rule("b", "2")],
        scheme: Some(levels::Scheme {
            scheme_id: "members".into(),
            point_type_id: "points".into(),
            levels: (0..).zip(thresholds).map(level).collect(),
            ..Default::default()
        }),
        lifecycle_models: Some(models(60)),
    }
}

fn models(dormant_after_days: i32) -> pb::Models {
    let stage = pb::StageModel { loyal_orders: 5, dormant_after_days, lost_after_days: 180 };
    let rfm = pb::RfmModel {
        method: pb::RfmMethod::Thresholds.into(),
        window_days: 365,
        recency_days: vec![180, 90, 60, 30],
        frequency_orders: vec![2, 3, 5, 8],
        monetary_minor: vec![5_000, 10_000, 20_000, 50_000],
    };
    pb::Models { stage: Some(stage), rfm: Some(rfm), etag: String::new() }
}

fn command(id: &str, bundle: &ProgrammeBundle) -> ApplyProgramme {
    ApplyProgramme {
        request: request("", "ProgrammeService/ApplyProgramme", id, &format!("{bundle:?}")),
        etag: String::new(),
        wanted: Wanted::Bundle(Box::new(bundle.clone())),
        author: "ann".into(),
        note: "because".into(),
    }
}

type Outcome = Result<Answer<ApplyProgrammeResponse>, ProfilesError>;

async fn apply(world: &World, id: &str, bundle: &ProgrammeBundle) -> Outcome {
    world.profiles.apply_programme(&world.shop, &command(id, bundle)).await
}

async fn rollback(world: &World, id: &str, to: i32) -> Result<Answer<RollbackProgrammeResponse>, ProfilesError> {
    let back = ApplyProgramme {
        request: request("", "ProgrammeService/RollbackProgramme", id, &to.to_string()),
        wanted: Wanted::Version(to),
        ..command(id, &ProgrammeBundle::default())
    };
    world.profiles.apply_programme(&world.shop, &back).await
}

/// (kind and id, what happens, paths with what was and what will be) of a plan.
async fn planned(world: &World, bundle: &ProgrammeBundle) -> Vec<(Key, Act, Vec<String>)> {
    let plan = world.profiles.plan_programme(&world.shop, bundle).await.unwrap();
    assert_eq!(plan.violations, []);
    let paths = |change: &profiles::domain::programme::course::Change| {
        change.fields.iter().map(|field| field.path.to_string()).collect()
    };
    plan.changes.iter().map(|change| (change.key.clone(), change.act, paths(change))).collect()
}

fn key(kind: profiles::domain::programme::Kind, id: &str) -> Key {
    Key { kind, id: id.into() }
}

#[tokio::test]
async fn a_plan_shows_exactly_what_differs_and_changes_nothing() {
    let (world, shelf) = shop().await;
    let first = bundle(&[0, 100]);
    let whole = |kind, id| (key(kind, id), Act::Add, vec![String::new()]);
    let models_change = (key(LifecycleModels, ""), Act::Change, vec!["stage.dormant_after_days".to_owned()]);
    let all = [
        whole(PointType, "points"),
        whole(EarningRule, "a"),
        whole(EarningRule, "b"),
        whole(Scheme, "members"),
        models_change,
    ];
    assert_eq!(planned(&world, &first).await, all);
    assert_eq!(shelf.versions(), (0, vec![], None));
    apply(&world, "1", &first).await.unwrap();
    assert_eq!(planned(&world, &first).await, []);
    let mut second = bundle(&[0, 120, 300]);
    second.earning_rules.remove(0);
    let changes = [
        (key(EarningRule, "a"), Act::Pause, vec![String::new()]),
        (key(Scheme, "members"), Act::Change, vec!["levels[1].threshold".into(), "levels[2]".into()]),
    ];
    assert_eq!(planned(&world, &second).await, changes);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    assert_eq!(world.number("select count(*) from programme_version").await, 1);
}

#[tokio::test]
async fn a_programme_applied_twice_is_applied_once_and_what_is_in_force_is_not_published_again() {
    let (world, shelf) = shop().await;
    let first = apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let again = apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    assert_eq!((&again.value, again.replayed), (&first.value, true));
    let version = first.value.programme.unwrap();
    assert_eq!((version.version, version.state(), version.author.as_str()), (1, VersionState::Applied, "ann"));
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    let other = apply(&world, "1", &bundle(&[0, 200])).await;
    assert!(matches!(other, Err(ProfilesError::RequestIdReused { .. })), "{other:?}");
    let next = apply(&world, "2", &bundle(&[0, 200])).await.unwrap().value;
    assert_eq!(next.changes.iter().map(|change| change.change()).collect::<Vec<_>>(), [ChangeKind::Changed]);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(2)));
    let told = world.log("").await;
    assert_eq!(told.iter().filter(|entry| entry.ends_with("programme.applied")).count(), 2);
    let kept = world.profiles.get_programme(&world.shop, 1).await.unwrap();
    assert_eq!((kept.bundle, kept.note.as_str()), (Some(bundle(&[0, 100])), "because"));
    let page = world.profiles.list_programme_versions(&world.shop, None, 1).await.unwrap();
    assert_eq!((page.rows[0].version, page.rows.len(), page.next), (2, 1, Some(2)));
}

#[tokio::test]
async fn a_call_that_ends_between_two_publications_is_continued_and_nothing_is_published_twice() {
    for how in [Break::Before, Break::After] {
        let (world, shelf) = shop().await;
        for place in 0..4 {
            shelf.break_at(place, how);
            let lost = apply(&world, "1", &bundle(&[0, 100])).await;
            assert!(matches!(lost, Err(ProfilesError::Peer(_))), "{how:?} {place}: {lost:?}");
        }
        let nobody = world.profiles.get_programme(&world.shop, 0).await;
        assert_eq!(refusal(nobody), Refusal::ProgrammeVersionNotFound { version: 0 });
        let done = apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
        assert_eq!((done.replayed, done.value.programme.unwrap().version), (false, 1));
        assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)), "{how:?}");
        assert_eq!(planned(&world, &bundle(&[0, 100])).await, []);
    }
}

#[tokio::test]
async fn a_rollback_returns_and_names_what_stays() {
    let (world, shelf) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let mut second = bundle(&[0, 300]);
    second.point_types.push(point_type("coins"));
    second.earning_rules.push(rule("c", "3"));
    second.lifecycle_models = None;
    apply(&world, "2", &second).await.unwrap();
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap().stage.dormant_after_days, 90);
    let back = rollback(&world, "back", 1).await.unwrap().value;
    let version = back.programme.unwrap();
    assert_eq!((version.version, version.restored_version), (3, 1));
    let changes: Vec<_> = back.changes.iter().map(|change| (change.definition_id.as_str(), change.change())).collect();
    let expected = [
        ("coins", ChangeKind::Kept),
        ("c", ChangeKind::Paused),
        ("members", ChangeKind::Changed),
        ("", ChangeKind::Changed),
    ];
    assert_eq!(changes, expected);
    assert_eq!(world.profiles.get_models(&world.shop).await.unwrap().stage.dormant_after_days, 60);
    assert!(shelf.in_force.lock().unwrap().earning_rules.iter().all(|rule| rule.paused == (rule.rule_id == "c")));
    assert_eq!(planned(&world, &bundle(&[0, 100])).await, [(key(PointType, "coins"), Act::Keep, vec![String::new()])]);
    let nowhere = rollback(&world, "nowhere", 9).await;
    assert_eq!(refusal(nowhere), Refusal::ProgrammeVersionNotFound { version: 9 });
    // what was paused comes back by being wanted again
    rollback(&world, "forth", 2).await.unwrap();
    assert!(shelf.in_force.lock().unwrap().earning_rules.iter().all(|rule| !rule.paused));
}

#[tokio::test]
async fn of_two_versions_at_once_the_second_is_refused_and_a_repeat_of_the_first_is_one_with_it() {
    let (world, shelf) = shop().await;
    let held = shelf.gate.acquire_many(1_000).await.unwrap();
    let (first, other) = (bundle(&[0, 100]), bundle(&[0, 200]));
    let began = async {
        testkit::eventually(|| async {
            (world.number("select count(*) from programme_version").await == 1).then_some(())
        })
        .await;
        let refused = refusal(apply(&world, "2", &other).await);
        assert_eq!(refused, Refusal::ProgrammeApplying { version: 1 });
        drop(held);
    };
    let (one, two, ()) = tokio::join!(apply(&world, "1", &first), apply(&world, "1", &first), began);
    assert_eq!(one.unwrap().value, two.unwrap().value);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    assert!(matches!(apply(&world, "2", &other).await, Err(ProfilesError::Refused { replayed: true, .. })));
    assert_eq!(apply(&world, "3", &other).await.unwrap().value.programme.unwrap().version, 2);
}

#[tokio::test]
async fn a_bad_bundle_names_everything_that_is_wrong_and_leaves_nothing_behind() {
    let (world, shelf) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let mut bad = bundle(&[0, 100]);
    bad.point_types[0].zone = "Asia/Shanghai".into();
    bad.point_types.push(point_type("points"));
    bad.earning_rules[1] = rule("a", "1 +");
    bad.earning_rules.push(levels::EarningRule { point_type_id: "gems".into(), ..rule("c", "1") });
    bad.scheme.as_mut().unwrap().scheme_id = "others".into();
    bad.lifecycle_models.as_mut().unwrap().stage.as_mut().unwrap().lost_after_days = 10;
    let fields = [
        "bundle.point_types[1].point_type_id",
        "bundle.earning_rules[1].rule_id",
        "bundle.earning_rules[2].point_type_id",
        "bundle.scheme.scheme_id",
        "bundle.point_types[0].zone",
        "bundle.earning_rules[1].formula",
        "bundle.lifecycle_models.stage.lost_after_days",
    ];
    let plan = world.profiles.plan_programme(&world.shop, &bad).await.unwrap();
    assert_eq!(plan.violations.iter().map(|found| found.field.as_str()).collect::<Vec<_>>(), fields);
    let refused = apply(&world, "2", &bad).await;
    let Err(error @ ProfilesError::Invalid(_)) = refused else { panic!("{refused:?}") };
    let named: Vec<String> = status::violations_of(&error.into()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(named, fields);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
    // not recorded: the call can be corrected
    apply(&world, "2", &bundle(&[0, 200])).await.unwrap();
}

#[tokio::test]
async fn a_refused_part_ends_its_version_and_the_next_one_goes_on_from_what_is_in_force() {
    let (world, shelf) = shop().await;
    shelf.break_at(2, Break::Refused);
    let refused = Refusal::ProgrammeRefused { version: 1, definition: "earning_rule b".into(), cause: "NO".into() };
    assert_eq!(refusal(apply(&world, "1", &bundle(&[0, 100])).await), refused);
    assert_eq!(refusal(apply(&world, "1", &bundle(&[0, 100])).await), refused);
    let failed = world.profiles.get_programme(&world.shop, 1).await.unwrap();
    assert_eq!((failed.state(), failed.failure.as_str()), (VersionState::Failed, "earning_rule b: NO"));
    let back = rollback(&world, "back", 1).await;
    assert_eq!(refusal(back), Refusal::ProgrammeVersionNotFound { version: 1 });
    let next = apply(&world, "2", &bundle(&[0, 100])).await.unwrap().value;
    assert_eq!(next.programme.unwrap().version, 2);
    assert_eq!(shelf.versions(), (1, vec![1, 1], Some(1)));
}

#[tokio::test]
async fn a_version_left_alone_gives_way_and_its_own_request_learns_of_it() {
    let (world, shelf) = shop().await;
    shelf.break_at(1, Break::Before);
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap_err();
    assert_eq!(refusal(apply(&world, "2", &bundle(&[0])).await), Refusal::ProgrammeApplying { version: 1 });
    let mut admin = world.db.admin(profiles::NAME).await;
    let age = "update programme_version set touched_at = touched_at - interval '11 minutes'";
    sqlx::query(age).execute(&mut admin).await.unwrap();
    let next = apply(&world, "3", &bundle(&[0])).await.unwrap().value;
    assert_eq!(next.programme.unwrap().version, 2);
    let failed = world.profiles.get_programme(&world.shop, 1).await.unwrap();
    assert_eq!((failed.state(), failed.failure.as_str()), (VersionState::Failed, "left unfinished"));
    let late = apply(&world, "1", &bundle(&[0, 100])).await;
    assert_eq!(refusal(late), Refusal::ProgrammeSuperseded { version: 1 });
    assert_eq!(planned(&world, &bundle(&[0])).await, []);
}

#[tokio::test]
async fn a_stale_etag_a_suspended_tenant_and_another_tenant_get_nothing() {
    let (world, _) = shop().await;
    apply(&world, "1", &bundle(&[0, 100])).await.unwrap();
    let stale = ApplyProgramme { etag: "v0".into(), ..command("2", &bundle(&[0, 200])) };
    let refused = world.profiles.apply_programme::<ApplyProgrammeResponse>(&world.shop, &stale).await;
    assert_eq!(refusal(refused), Refusal::EtagMismatch { etag: "v1".into() });
    let right = ApplyProgramme { etag: "v1".into(), ..command("3", &bundle(&[0, 200])) };
    world.profiles.apply_programme::<ApplyProgrammeResponse>(&world.shop, &right).await.unwrap();
    let other = tenant_id("other");
    world.profiles.create_tenant(&other, &super::support::create("CNY", "UTC")).await.unwrap();
    let nothing = world.profiles.get_programme(&other, 1).await;
    assert_eq!(refusal(nothing), Refusal::ProgrammeVersionNotFound { version: 1 });
    world.profiles.update_tenant(&world.shop, &suspend("s", true)).await.unwrap();
    let suspended = apply(&world, "4", &bundle(&[0])).await;
    assert!(matches!(suspended, Err(ProfilesError::TenantSuspended { .. })), "{suspended:?}");
}

#[tokio::test]
async fn presets_are_served_in_the_tenants_zone() {
    let (world, _) = shop().await;
    let all = world.profiles.list_presets();
    assert!(all.iter().all(|preset| preset.bundle.is_none()));
    for preset in all {
        let found = world.profiles.get_preset(&world.shop, &preset.preset_id).await.unwrap();
        let bundle = found.bundle.unwrap();
        assert!(bundle.point_types.iter().all(|it| it.zone == "Asia/Shanghai"));
        planned(&world, &bundle).await;
    }
    let none = world.profiles.get_preset(&world.shop, "none").await;
    assert_eq!(refusal(none), Refusal::PresetNotFound { preset_id: "none".into() });
}
