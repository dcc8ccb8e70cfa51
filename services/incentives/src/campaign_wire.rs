//! Campaigns, decisions, actions and penalties as messages of the contract, for answers and for the payloads of the log.

use ids::Key;
use proto::incentives::v1 as pb;
use proto::levels::v1 as levels;
use time::OffsetDateTime;
use units::text;
use units::time::to_proto;

use crate::domain::action::{Action, Gaps, Ladder, Step};
use crate::domain::campaign::{Definition, Reward, Setting, State, UserLimit};
use crate::domain::decision::{Decision, Outcome};
use crate::domain::penalty::{Kind, Penalty, Restriction};
use crate::store::campaign::Saved;
use rules::{Written, WrittenRow};

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// What names a campaign's newest version and last turn.
pub fn campaign_etag(it: &Saved) -> String {
    format!("{}.{}", it.version, it.turn.as_ref().map_or(0, |turn| turn.number))
}

/// A campaign as it stands at a time.
pub fn campaign(it: &Saved, now: OffsetDateTime) -> pb::Campaign {
    pb::Campaign {
        state: State::of(it.turn.as_ref(), it.approved.as_ref(), now).code(),
        version: it.version,
        approved_version: it.turn.as_ref().map_or(0, |turn| turn.version),
        author: it.author.clone(),
        save_time: Some(to_proto(it.save_time)),
        etag: campaign_etag(it),
        ..defined(&it.id, &it.definition)
    }
}

/// What a campaign says.
pub fn defined(id: &Key, says: &Definition) -> pb::Campaign {
    let (condition, reward) = (condition(&says.condition), reward(&says.reward));
    pb::Campaign {
        campaign_id: id.to_string(),
        display_name: Some(text::to_proto(&says.display_name)),
        event_type: says.event_type.clone(),
        condition,
        valid_from: at(says.valid_from),
        valid_until: at(says.valid_until),
        max_event_age: seconds(says.event_age_max_s),
        priority: says.priority,
        exclusion_group: says.exclusion_group.clone(),
        holdout_basis_points: says.holdout_bp,
        zone: says.zone.clone(),
        user_limits: says.user_limits.iter().map(user_limit).collect(),
        grants_max: says.grants_max,
        budget: budget(says),
        return_policy: says.returns.code().into(),
        cost_centre: says.cost_centre.clone(),
        funder: says.funder,
        reward: Some(reward),
        ..pb::Campaign::default()
    }
}

fn condition(it: &Written) -> Option<pb::campaign::Condition> {
    use pb::campaign::Condition;
    let row = |row: &WrittenRow| levels::FormRow {
        field: row.field.clone(),
        operator: row.operator,
        value: row.value.clone(),
    };
    match it {
        Written::Always => None,
        Written::Expression(text) => Some(Condition::Expression(text.clone())),
        Written::Form(rows) => Some(Condition::Form(levels::Form { rows: rows.iter().map(row).collect() })),
    }
}

fn reward(it: &Reward) -> pb::campaign::Reward {
    use pb::campaign::Reward as Sent;
    match it {
        Reward::Coupon { template_id, cost_minor, currency } => Sent::Coupon(pb::CouponReward {
            template_id: template_id.clone(),
            cost: Some(units::money::to_proto(*cost_minor, currency)),
        }),
        Reward::Points { point_type_id, formula } => {
            Sent::Points(pb::PointsReward { point_type_id: point_type_id.clone(), formula: formula.clone() })
        }
        Reward::RandomPoints { point_type_id, min, max } => {
            Sent::RandomPoints(pb::RandomPointsReward { point_type_id: point_type_id.clone(), min: *min, max: *max })
        }
    }
}

/// The budget, in the measure of the reward.
pub fn budget(it: &Definition) -> Option<pb::CampaignBudget> {
    use pb::campaign_budget::Measure;
    let amount = it.budget?;
    let measure = match &it.reward {
        Reward::Coupon { currency, .. } => Measure::Money(units::money::to_proto(amount, currency)),
        Reward::Points { .. } | Reward::RandomPoints { .. } => Measure::Points(amount),
    };
    Some(pb::CampaignBudget { measure: Some(measure) })
}

fn user_limit(it: &UserLimit) -> pb::UserLimit {
    pb::UserLimit { period: it.period.code(), grants_max: i32::try_from(it.max).unwrap_or(i32::MAX) }
}

/// What holds for all campaigns.
pub fn setting(it: &Setting) -> pb::CampaignSettings {
    pb::CampaignSettings {
        global_holdout_basis_points: it.global_holdout_bp,
        self_approval: it.self_approval,
        etag: it.revision.to_string(),
    }
}

/// An outcome as the contract numbers it.
pub fn outcome(it: Outcome) -> i32 {
    it.code().into()
}

/// A decision with its sentence.
pub fn decision(it: &Decision) -> pb::Decision {
    pb::Decision {
        user_id: it.user.to_string(),
        campaign_id: it.campaign_id.to_string(),
        campaign_version: it.version,
        source_event_id: it.source_event.to_string(),
        event_type: it.event_type.clone(),
        outcome: outcome(it.verdict.outcome),
        amount: it.verdict.amount,
        used: it.verdict.used,
        limit: it.verdict.limit,
        resumes_at: at(it.verdict.resumes_at),
        occurred_at: Some(to_proto(it.occurred_at)),
        decided_at: Some(to_proto(it.decided_at)),
        explanation: Some(text::to_proto(&it.sentence())),
        taken_back: it.undone.taken_back,
    }
}

/// An action.
pub fn action(it: &Action) -> pb::Action {
    pb::Action {
        action_id: it.id.to_string(),
        display_name: Some(text::to_proto(&it.display_name)),
        event_type: it.event_type.clone(),
        kind: if it.harmful { pb::ActionKind::Harmful } else { pb::ActionKind::Good }.into(),
        value_note: it.value_note.clone(),
        ladder: it.ladder.as_ref().map(ladder),
        etag: it.revision.to_string(),
    }
}

fn ladder(it: &Ladder) -> pb::Ladder {
    let step = |step: &Step| pb::LadderStep {
        kind: kind(step.kind),
        duration: step.duration_s.and_then(seconds),
        restrictions: step.restrictions.clone(),
    };
    pb::Ladder {
        window_days: i32::try_from(it.window_days).unwrap_or(i32::MAX),
        steps: it.steps.iter().map(step).collect(),
        doubles: it.doubles,
    }
}

/// What a programme does not cover.
pub fn gaps(it: Gaps) -> pb::GapReport {
    pb::GapReport {
        uncovered_event_types: it.event_types,
        good_actions_without_campaign: it.good,
        harmful_actions_without_penalty: it.harmful,
    }
}

/// A kind of penalty as the contract numbers it.
pub fn kind(it: Kind) -> i32 {
    it.code().into()
}

/// A penalty with all that staff may see.
pub fn penalty(it: &Penalty) -> pb::Penalty {
    pb::Penalty {
        penalty_id: it.id.clone(),
        user_id: it.user.to_string(),
        kind: kind(it.kind),
        restrictions: it.restrictions.clone(),
        action_id: it.action.as_ref().map(ToString::to_string).unwrap_or_default(),
        until: at(it.until),
        reason: it.reason.clone(),
        notice: it.notice.clone(),
        masked_name: it.masked_name.clone(),
        offence: it.offence,
        imposed_at: Some(to_proto(it.imposed_at)),
        imposed_by: it.imposed_by.clone(),
        lifted_at: at(it.lifted.as_ref().map(|it| it.at)),
        lifted_by: it.lifted.as_ref().map(|it| it.by.clone()).unwrap_or_default(),
        lift_reason: it.lifted.as_ref().map(|it| it.reason.clone()).unwrap_or_default(),
    }
}

/// What everybody may see of a penalty.
pub fn notice(it: &Penalty) -> pb::PublicNotice {
    pb::PublicNotice {
        masked_name: it.masked_name.clone(),
        kind: kind(it.kind),
        notice: it.notice.clone(),
        imposed_at: Some(to_proto(it.imposed_at)),
        until: at(it.until),
    }
}

/// Whether something is allowed.
pub fn restriction(it: &Restriction) -> pb::RestrictionStatus {
    let penalty = it.forbidden.as_ref();
    let action = penalty.and_then(|it| it.action.as_ref());
    pb::RestrictionStatus {
        restriction: it.name.clone(),
        restricted: penalty.is_some(),
        until: at(penalty.and_then(|it| it.until)),
        penalty_id: penalty.map(|it| it.id.clone()).unwrap_or_default(),
        kind: penalty.map_or(0, |it| kind(it.kind)),
        action_id: action.map(ToString::to_string).unwrap_or_default(),
    }
}
