//! Campaigns on the stage, and the events that set them off.

use std::sync::Arc;

use incentives::commands::{CampaignConsumer, How, SaveCampaign, TurnCampaign, UpdateCampaignSettings};
use incentives::domain::campaign::{Definition, Returns, Reward, Setting, UserLimit};
use incentives::domain::campaign_refusal::CampaignRefusal as Refusal;
use incentives::domain::period::Period;
use incentives::error::CampaignError;
use proto::events::v1::Event;
use proto::incentives::v1 as pb;
use proto::levels::v1 as levels;
use proto::profiles::v1 as profiles;
use rules::Written;
use units::text::LocalizedText;

use crate::stage::{Stage, event, key, request, yuan};

/// `amount` points for each completed order.
pub(crate) fn points(formula: &str) -> Definition {
    Definition {
        display_name: LocalizedText { texts: [("en".to_owned(), "spring".to_owned())].into(), fallback: String::new() },
        event_type: "order.completed".to_owned(),
        condition: Written::Always,
        valid_from: None,
        valid_until: None,
        event_age_max_s: 86_400,
        priority: 0,
        exclusion_group: String::new(),
        holdout_bp: 0,
        zone: "Asia/Shanghai".to_owned(),
        user_limits: Vec::new(),
        grants_max: 0,
        budget: None,
        returns: Returns { limits: true, budget: true },
        cost_centre: "growth".to_owned(),
        funder: 2,
        reward: Reward::Points { point_type_id: "points".to_owned(), formula: formula.to_owned() },
    }
}

pub(crate) fn coupon(template: &str) -> Definition {
    let reward = Reward::Coupon { template_id: template.to_owned(), cost_minor: 500, currency: "CNY".to_owned() };
    Definition { reward, ..points("1") }
}

pub(crate) fn per(period: Period, max: i64) -> Vec<UserLimit> {
    vec![UserLimit { period, max }]
}

pub(crate) fn completed(who: &str, order: &str, total: i64) -> Event {
    let order_message = profiles::Order { order_id: order.to_owned(), total: yuan(total), ..Default::default() };
    let payload = profiles::OrderCompleted { order: Some(order_message), first_order: false };
    event(who, &format!("{order}/completed"), &payload)
}

pub(crate) fn cancelled(who: &str, order: &str) -> Event {
    let order_message = profiles::Order { order_id: order.to_owned(), total: yuan(10_000), ..Default::default() };
    let payload = profiles::OrderCancelled { order: Some(order_message), released: yuan(0) };
    event(who, &format!("{order}/cancelled"), &payload)
}

pub(crate) fn refused(who: &str, reward_id: &str) -> Event {
    let payload = levels::RewardRefused { reward_id: reward_id.to_owned(), reason: "POINT_TYPE_NOT_FOUND".to_owned() };
    event(who, &format!("{reward_id}/refused"), &payload)
}

pub(crate) fn fulfilled(who: &str, reward_id: &str, amount: i64) -> Event {
    let payload = levels::RewardFulfilled {
        reward_id: reward_id.to_owned(),
        point_type_id: "points".to_owned(),
        amount,
        entry_seq: 1,
    };
    event(who, &format!("{reward_id}/fulfilled"), &payload)
}

impl Stage {
    pub(crate) async fn save(
        &self,
        id: &str,
        says: Definition,
        request_id: &str,
    ) -> Result<pb::Campaign, CampaignError> {
        let command = SaveCampaign {
            request: request("", "CampaignService/SaveCampaign", request_id, 0),
            id: key(id),
            definition: says,
            etag: String::new(),
            author: "author".to_owned(),
        };
        self.incentives.save_campaign(&self.tenant, &command).await.map(|answer| answer.value.campaign.unwrap())
    }

    pub(crate) async fn turn(&self, id: &str, how: How, by: &str) -> Result<pb::Campaign, CampaignError> {
        let method = "CampaignService/Turn";
        let request_id = format!("{id}/{how:?}/{by}/{}", self.number("select count(*) from campaign_turn").await);
        let command = TurnCampaign {
            request: request("", method, &request_id, 0),
            id: key(id),
            how,
            etag: String::new(),
            subject: by.to_owned(),
        };
        let answer = self.incentives.turn_campaign::<pb::ApproveCampaignResponse>(&self.tenant, &command).await;
        answer.map(|answer| answer.value.campaign.unwrap())
    }

    /// Saves and approves.
    pub(crate) async fn run(&self, id: &str, says: Definition) {
        let saved = self.number("select coalesce(sum(version), 0)::bigint from campaign").await;
        self.save(id, says, &format!("{id}/{saved}")).await.unwrap();
        self.turn(id, How::Approve, "boss").await.unwrap();
    }

    pub(crate) async fn set(&self, setting: Setting) {
        let request = request("", "CampaignService/UpdateCampaignSettings", &format!("{setting:?}"), 0);
        let command = UpdateCampaignSettings { request, setting, etag: String::new() };
        self.incentives.update_campaign_settings(&self.tenant, &command).await.unwrap();
    }

    pub(crate) async fn profiles(&self, events: &[Event]) {
        self.consume(&CampaignConsumer::of_profiles(Arc::clone(&self.incentives)), events).await;
    }

    pub(crate) async fn levels(&self, events: &[Event]) {
        self.consume(&CampaignConsumer::of_levels(Arc::clone(&self.incentives)), events).await;
    }

    pub(crate) async fn results(&self, id: &str) -> pb::CampaignResults {
        self.incentives.campaign_results(&self.tenant, &key(id), &[]).await.unwrap()
    }

    /// The reward that a user was granted last.
    pub(crate) async fn reward(&self, who: &str) -> pb::RewardGranted {
        self.payloads::<pb::RewardGranted>(who).await.pop().unwrap()
    }

    /// Figures are the sums of grants, counts are the standing grants of their buckets, no budget is overrun.
    pub(crate) async fn audit(&self) {
        let wrong = "select count(*) from campaign_figures f left join lateral (
            select count(*) as granted, count(*) filter (where fate = 3) as refused, coalesce(sum(reserved), 0) as committed
            from campaign_grant g where g.tenant_id = f.tenant_id and g.campaign_id = f.campaign_id) s on true
            where (f.granted, f.refused, f.committed) <> (s.granted, s.refused, s.committed)";
        assert_eq!(self.number(wrong).await, 0);
        let uses = "select count(*) from campaign_use u where u.used <> (
            select count(*) from campaign_grant g
            where (g.tenant_id, g.user_id, g.campaign_id) = (u.tenant_id, u.user_id, u.campaign_id)
                and u.bucket = any(g.buckets) and g.fate <> 3 and not (g.returns in (2, 4) and g.taken_back = g.amount))";
        assert_eq!(self.number(uses).await, 0);
        let overrun = "select count(*) from campaign_figures f
            join campaign_version v on (v.tenant_id, v.campaign_id) = (f.tenant_id, f.campaign_id)
            where f.committed - f.released > (v.definition ->> 'budget')::bigint";
        assert_eq!(self.number(overrun).await, 0);
    }
}

pub(crate) fn refusal<T>(outcome: Result<T, CampaignError>) -> Refusal {
    match outcome {
        Err(CampaignError::Refused { refusal, .. }) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was not refused"),
    }
}
