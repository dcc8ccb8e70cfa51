//! Putting a programme into force, whatever happens in between.

use profiles::domain::refusal::Refusal;
use profiles::error::ProfilesError;
use profiles::owners::Deed;
use proto::incentives::v1::CampaignState;
use proto::programme::v1::{ChangeKind, ProgrammeBundle, VersionState};

use super::super::support::refusal;
use super::shelf::Break;
use super::{apply, bundle, campaign, planned, rollback, shop};

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
async fn a_campaign_is_saved_by_who_applied_paused_where_it_is_not_wanted_and_goes_on_where_it_is_again() {
    let (world, shelf) = shop().await;
    let mut wanted = bundle(&[0, 100]);
    wanted.campaigns = vec![campaign("spring", 1)];
    apply(&world, "1", &wanted).await.unwrap();
    assert_eq!(shelf.done.lock().unwrap().last(), Some(&(Deed::Publish, "campaign spring".into(), "ann".into())));
    shelf.approve_all();
    apply(&world, "2", &bundle(&[0, 100])).await.unwrap();
    assert_eq!(shelf.in_force().campaigns[0].state(), CampaignState::Paused);
    assert_eq!(planned(&world, &bundle(&[0, 100])).await, []);
    // to the letter what was approved: nothing to approve
    let back = rollback(&world, "back", 1).await.unwrap().value;
    assert_eq!(back.awaiting_approval, [""; 0]);
    let told: Vec<_> = back.changes[0].fields.iter().map(|it| (it.path.as_str(), it.before.as_str())).collect();
    assert_eq!(told, [("state", "\"CAMPAIGN_STATE_PAUSED\"")]);
    assert_eq!(
        (shelf.in_force().campaigns[0].state(), shelf.in_force().campaigns[0].version),
        (CampaignState::Running, 1)
    );
    assert_eq!(planned(&world, &wanted).await, []);
}

#[tokio::test]
async fn a_campaign_that_changed_while_it_was_paused_is_saved_and_resumed_however_often_the_call_breaks() {
    for how in [Break::Before, Break::After] {
        let (world, shelf) = shop().await;
        let with = |priority| ProgrammeBundle { campaigns: vec![campaign("spring", priority)], ..bundle(&[0, 100]) };
        apply(&world, "1", &with(1)).await.unwrap();
        shelf.approve_all();
        apply(&world, "2", &bundle(&[0, 100])).await.unwrap();
        for place in 0..2 {
            shelf.break_at(place, how);
            apply(&world, "3", &with(2)).await.unwrap_err();
        }
        let done = apply(&world, "3", &with(2)).await.unwrap().value;
        assert_eq!((done.changes.len(), done.awaiting_approval), (1, vec!["spring".to_owned()]));
        let campaign = &shelf.in_force().campaigns[0];
        assert_eq!((campaign.state(), campaign.version, campaign.approved_version), (CampaignState::Running, 2, 1));
    }
}
