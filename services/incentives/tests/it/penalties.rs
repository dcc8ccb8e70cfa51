//! Penalties by hand and by ladder, and the clock that ends them.

use incentives::commands::{ImposePenalty, LiftPenalty, PutAction};
use incentives::domain::action::{Action, Ladder, Step};
use incentives::domain::campaign_refusal::CampaignRefusal as Refusal;
use incentives::domain::penalty::Kind;
use incentives::error::CampaignError;
use incentives::queries::AskedRestrictions;
use proto::incentives::v1 as pb;
use service::Gather;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;

use crate::campaign_stage::refusal;
use crate::stage::{BEGIN, Stage, key, request, stage, user};

impl Stage {
    async fn impose(
        &self,
        id: &str,
        what: Option<(Kind, Vec<String>, Option<OffsetDateTime>)>,
        action: Option<&str>,
    ) -> Result<pb::Penalty, CampaignError> {
        let command = ImposePenalty {
            request: request("u", "PenaltyService/ImposePenalty", id, 0),
            user: user("u"),
            id: id.to_owned(),
            what,
            action: action.map(key),
            reason: "spam".to_owned(),
            notice: ("禁言公示".to_owned(), "张*".to_owned()),
            by: "staff".to_owned(),
        };
        self.incentives.impose_penalty(&self.tenant, &command).await.map(|answer| answer.value.penalty.unwrap())
    }

    /// Mutes a user for an hour.
    pub(crate) async fn mute(&self, who: &str) {
        let command = ImposePenalty {
            request: request(who, "PenaltyService/ImposePenalty", "mute", 0),
            user: user(who),
            id: "mute".to_owned(),
            what: mute(BEGIN + Duration::HOUR),
            action: None,
            reason: "spam".to_owned(),
            notice: Default::default(),
            by: "staff".to_owned(),
        };
        self.incentives.impose_penalty(&self.tenant, &command).await.unwrap();
    }

    async fn lift(&self, id: &str) -> Result<pb::Penalty, CampaignError> {
        let command = LiftPenalty {
            request: request("u", "PenaltyService/LiftPenalty", &format!("lift-{id}"), 0),
            user: user("u"),
            id: id.to_owned(),
            reason: "a mistake".to_owned(),
            by: "staff".to_owned(),
        };
        self.incentives.lift_penalty(&self.tenant, &command).await.map(|answer| answer.value.penalty.unwrap())
    }

    async fn may_post(&self) -> bool {
        let asked = AskedRestrictions { user: user("u"), names: vec!["post".to_owned()] };
        let found = self.incentives.answer(&self.tenant, &[], asked).await.unwrap();
        found[0].forbidden.is_none()
    }

    async fn ladder(&self) {
        let step = |kind, hours: Option<i64>, of: &[&str]| Step {
            kind,
            duration_s: hours.map(|hours| hours * 3_600),
            restrictions: of.iter().map(|it| (*it).to_owned()).collect(),
        };
        let steps = vec![step(Kind::Warn, None, &[]), step(Kind::Mute, Some(24), &["post"])];
        let action = Action {
            id: key("spam"),
            display_name: LocalizedText::default(),
            event_type: String::new(),
            harmful: true,
            value_note: String::new(),
            ladder: Some(Ladder { window_days: 30, steps, doubles: true }),
            revision: 0,
        };
        let command =
            PutAction { request: request("", "ActionService/PutAction", "1", 0), action, etag: String::new() };
        self.incentives.put_action(&self.tenant, &command).await.unwrap();
    }
}

fn mute(until: OffsetDateTime) -> Option<(Kind, Vec<String>, Option<OffsetDateTime>)> {
    Some((Kind::Mute, vec!["post".to_owned()], Some(until)))
}

#[tokio::test]
async fn a_mute_ends_by_the_clock_before_its_end_is_booked() {
    let stage = stage().await;
    let until = BEGIN + Duration::HOUR;
    stage.impose("p", mute(until), None).await.unwrap();
    assert!(!stage.may_post().await);
    assert_eq!(stage.incentives.next_due(&stage.tenant).await.unwrap(), Some(until));
    stage.set_clock(until - Duration::SECOND).await;
    assert!(!stage.may_post().await);
    stage.set_clock(until).await;
    assert!(stage.may_post().await);
    assert_eq!(stage.told("u").await, ["penalty.imposed"]);
    assert_eq!(stage.incentives.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!(stage.incentives.run_due(&stage.tenant).await.unwrap(), 0);
    let ended = stage.payloads::<pb::PenaltyLifted>("u").await;
    assert_eq!((ended.len(), ended[0].expired), (1, true));
    assert_eq!(refusal(stage.lift("p").await), Refusal::PenaltyOver { penalty_id: "p".into() });
}

#[tokio::test]
async fn offences_climb_the_ladder_and_a_lifted_one_does_not_count() {
    let stage = stage().await;
    stage.ladder().await;
    let what = |it: &pb::Penalty| {
        let until = it.until.as_ref().map(|it| units::time::from_proto(it).unwrap() - BEGIN);
        (it.offence, it.kind(), until)
    };
    let first = stage.impose("1", None, Some("spam")).await.unwrap();
    assert_eq!(what(&first), (1, pb::PenaltyKind::Warn, None));
    let second = stage.impose("2", None, Some("spam")).await.unwrap();
    assert_eq!(what(&second), (2, pb::PenaltyKind::Mute, Some(Duration::hours(24))));
    let third = stage.impose("3", None, Some("spam")).await.unwrap();
    assert_eq!(what(&third), (3, pb::PenaltyKind::Mute, Some(Duration::hours(48))));
    stage.lift("3").await.unwrap();
    let again = stage.impose("4", None, Some("spam")).await.unwrap();
    assert_eq!(what(&again), (3, pb::PenaltyKind::Mute, Some(Duration::hours(48))));
    stage.set_clock(BEGIN + Duration::days(31)).await;
    assert_eq!(stage.impose("5", None, Some("spam")).await.unwrap().offence, 1);
    assert_eq!(
        refusal(stage.impose("6", None, Some("none")).await),
        Refusal::ActionNotFound { action_id: "none".into() }
    );
}

#[tokio::test]
async fn notices_show_masked_names_and_no_reasons_until_a_penalty_is_lifted() {
    let stage = stage().await;
    stage.impose("a", mute(BEGIN + Duration::HOUR), None).await.unwrap();
    stage.impose("b", mute(BEGIN + Duration::HOUR), None).await.unwrap();
    stage.lift("b").await.unwrap();
    let page = stage.incentives.list_notices(&stage.tenant, None, 10).await.unwrap();
    let notices: Vec<_> = page.rows.iter().map(incentives::campaign_wire::notice).collect();
    let got: Vec<_> = notices.iter().map(|it| (it.masked_name.as_str(), it.notice.as_str())).collect();
    assert_eq!(got, [("张*", "禁言公示")]);
}

#[tokio::test]
async fn a_penalty_id_is_used_once_and_a_repeated_call_is_answered_as_before() {
    let stage = stage().await;
    let first = stage.impose("p", mute(BEGIN + Duration::HOUR), None).await.unwrap();
    assert_eq!(stage.impose("p", mute(BEGIN + Duration::HOUR), None).await.unwrap(), first);
    assert_eq!(stage.told("u").await, ["penalty.imposed"]);
}

#[tokio::test]
async fn everybody_is_told_their_own_restrictions_also_together() {
    let stage = stage().await;
    stage.impose("p", mute(BEGIN + Duration::HOUR), None).await.unwrap();
    let of = |who| AskedRestrictions { user: user(who), names: vec!["post".to_owned()] };
    let asked = [of("v"), of("u"), AskedRestrictions { names: Vec::new(), ..of("u") }, of("u")];
    let told = stage.incentives.answers(&stage.tenant, &[], &asked).await.unwrap();
    let forbidden: Vec<bool> =
        told.into_iter().map(|it| it.unwrap().first().is_some_and(|it| it.forbidden.is_some())).collect();
    assert_eq!(forbidden, [false, true, true, true]);
}
