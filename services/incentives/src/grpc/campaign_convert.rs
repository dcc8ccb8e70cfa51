//! Requests about campaigns, actions and penalties as commands: whatever the contract's annotations can't say is checked
//! here, all violations at once.

use ids::{Key, UserId};
use prost_types::Duration;
use proto::google::r#type::Money;
use proto::incentives::v1 as pb;
use requests::body_of;
use rules::Value;
use service::Parse;
use status::Violations;

use crate::campaign_events::value;
use crate::commands::{How, ImposePenalty, LiftPenalty, PutAction, SaveCampaign, TurnCampaign, UpdateCampaignSettings};
use crate::domain::action::{Action, DURATION_MAX_S, Ladder, Step};
use crate::domain::campaign::{AMOUNT_MAX, Definition, Returns, Reward, Setting, UserLimit};
use crate::domain::penalty::Kind;
use crate::domain::period::Period;
use crate::domain::trigger::TRIGGERS;
use crate::queries::DryRun;
use rules::{Written, WrittenRow};

/// The age of events that campaigns accept where they say nothing: a day.
const EVENT_AGE_S: i64 = 86_400;
/// The greatest that they may say: a year.
const EVENT_AGE_MAX_S: i64 = 366 * 86_400;
/// The most of money or points that a budget holds.
const BUDGET_MAX: i64 = 1_000_000_000_000_000;

/// The id of a part of the programme.
pub(super) fn one_key(field: &str, id: &str) -> Result<Key, Violations> {
    let mut parse = Parse::default();
    let key = parse.key(field, id);
    parse.done(key)
}

/// The field `user_id`.
pub(super) fn one_user(id: &str) -> Result<UserId, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(id);
    parse.done(user)
}

/// A user and a campaign.
pub(super) fn user_and_campaign(user: &str, campaign: &str) -> Result<(UserId, Key), Violations> {
    let mut parse = Parse::default();
    let (user, campaign) = (parse.user(user), parse.key("campaign_id", campaign));
    parse.done(user.zip(campaign))
}

pub(super) fn save_campaign(sent: &pb::SaveCampaignRequest, author: &str) -> Result<SaveCampaign, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "CampaignService/SaveCampaign", &sent.request_id, body_of(sent));
    let it = sent.campaign.clone().unwrap_or_default();
    let id = parse.key("campaign.campaign_id", &it.campaign_id);
    let (etag, author) = (it.etag.clone(), author.to_owned());
    let definition = definition(&mut parse, it);
    let read = (|| Some(SaveCampaign { request: request?, id: id?, definition: definition?, etag, author }))();
    parse.done(read)
}

fn definition(parse: &mut Parse, it: pb::Campaign) -> Option<Definition> {
    let valid_from = parse.time("campaign.valid_from", it.valid_from.as_ref());
    let valid_until = parse.time("campaign.valid_until", it.valid_until.as_ref());
    let ordered = valid_from.zip(valid_until).is_none_or(|(from, until)| from < until);
    parse.require(ordered, "campaign.valid_until", "must be after valid_from");
    let known = TRIGGERS.contains(&it.event_type.as_str());
    parse.require(known, "campaign.event_type", "must be one of the triggers");
    let returns = Returns::from_code(it.return_policy);
    parse.require(returns.is_some(), "campaign.return_policy", "must be one of the policies");
    let event_age_max_s = match it.max_event_age.as_ref() {
        None => Some(EVENT_AGE_S),
        Some(age) => seconds(parse, "campaign.max_event_age", age, EVENT_AGE_MAX_S),
    };
    let display_name = parse.text("campaign.display_name", it.display_name.as_ref());
    let user_limits = user_limits(parse, &it.user_limits);
    let reward = reward(parse, it.reward);
    let budget = it.budget.map(|budget| self::budget(parse, budget, reward.as_ref()));
    let definition = Definition {
        display_name,
        event_type: it.event_type,
        condition: condition(it.condition),
        valid_from,
        valid_until,
        event_age_max_s: event_age_max_s.unwrap_or(EVENT_AGE_S),
        priority: it.priority,
        exclusion_group: it.exclusion_group,
        holdout_bp: it.holdout_basis_points,
        zone: it.zone,
        user_limits,
        grants_max: it.grants_max,
        budget: budget.flatten(),
        returns: returns?,
        cost_centre: it.cost_centre,
        funder: it.funder,
        reward: reward?,
    };
    for fault in definition.compile().err().unwrap_or_default() {
        parse.refuse(format!("campaign.{}", fault.field), fault.cause);
    }
    Some(definition)
}

fn condition(sent: Option<pb::campaign::Condition>) -> Written {
    use pb::campaign::Condition;
    match sent {
        None => Written::Always,
        Some(Condition::Expression(text)) => Written::Expression(text),
        Some(Condition::Form(form)) => Written::Form(
            form.rows
                .into_iter()
                .map(|row| WrittenRow { field: row.field, operator: row.operator, value: row.value })
                .collect(),
        ),
    }
}

fn user_limits(parse: &mut Parse, sent: &[pb::UserLimit]) -> Vec<UserLimit> {
    let mut limits: Vec<UserLimit> = Vec::with_capacity(sent.len());
    for (index, limit) in sent.iter().enumerate() {
        let field = format!("campaign.user_limits[{index}].period");
        match Period::from_code(limit.period) {
            Some(period) if limits.iter().all(|it| it.period != period) => {
                limits.push(UserLimit { period, max: limit.grants_max.into() });
            }
            Some(_) => parse.refuse(field, "stands in another limit already"),
            None => parse.refuse(field, "must be one of the periods"),
        }
    }
    limits
}

fn reward(parse: &mut Parse, sent: Option<pb::campaign::Reward>) -> Option<Reward> {
    use pb::campaign::Reward as Sent;
    match sent? {
        Sent::Coupon(it) => {
            let template = parse.key("campaign.coupon.template_id", &it.template_id);
            let (cost_minor, currency) = money(parse, "campaign.coupon.cost", it.cost.as_ref(), AMOUNT_MAX)?;
            Some(Reward::Coupon { template_id: template?.to_string(), cost_minor, currency })
        }
        Sent::Points(it) => {
            let point_type = parse.key("campaign.points.point_type_id", &it.point_type_id);
            Some(Reward::Points { point_type_id: point_type?.to_string(), formula: it.formula })
        }
        Sent::RandomPoints(it) => {
            let point_type = parse.key("campaign.random_points.point_type_id", &it.point_type_id);
            parse.require(it.min <= it.max, "campaign.random_points.max", "must not be below min");
            Some(Reward::RandomPoints { point_type_id: point_type?.to_string(), min: it.min, max: it.max })
        }
    }
}

fn budget(parse: &mut Parse, sent: pb::CampaignBudget, reward: Option<&Reward>) -> Option<i64> {
    use pb::campaign_budget::Measure;
    match (sent.measure?, reward?) {
        (Measure::Money(it), Reward::Coupon { currency, .. }) => {
            let (minor, of) = money(parse, "campaign.budget.money", Some(&it), BUDGET_MAX)?;
            parse.require(of == *currency, "campaign.budget.money", "must be in the currency of the coupon's cost");
            Some(minor)
        }
        (Measure::Points(points), Reward::Points { .. } | Reward::RandomPoints { .. }) => Some(points),
        (Measure::Money(_), _) => {
            parse.refuse("campaign.budget.money", "a reward of points has a budget in points");
            None
        }
        (Measure::Points(_), _) => {
            parse.refuse("campaign.budget.points", "a coupon has a budget in money");
            None
        }
    }
}

/// A positive amount in minor units, and its currency.
fn money(parse: &mut Parse, field: &str, sent: Option<&Money>, max: i64) -> Option<(i64, String)> {
    let Some(sent) = sent else {
        parse.refuse(field, "is required");
        return None;
    };
    if units::money::decimals(&sent.currency_code).is_none() {
        parse.refuse(format!("{field}.currency_code"), "must be an ISO 4217 code");
        return None;
    }
    match units::money::from_proto(sent, &sent.currency_code) {
        Ok(minor) if (1..=max).contains(&minor) => Some((minor, sent.currency_code.clone())),
        Ok(_) => {
            parse.refuse(field, format!("must lie between 1 and {max} minor units"));
            None
        }
        Err(fault) => {
            parse.refuse(field, fault.to_string());
            None
        }
    }
}

fn seconds(parse: &mut Parse, field: &str, sent: &Duration, max: i64) -> Option<i64> {
    let whole = sent.nanos == 0 && (1..=max).contains(&sent.seconds);
    parse.require(whole, field, &format!("must be whole seconds, 1 to {max}"));
    whole.then_some(sent.seconds)
}

/// The four decisions about a campaign differ in their method alone.
pub(super) fn turn_campaign(
    (method, how): (&'static str, How),
    (request_id, body): (&str, [u8; 32]),
    (id, etag): (&str, &str),
    subject: &str,
) -> Result<TurnCampaign, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", method, request_id, body);
    let id = parse.key("campaign_id", id);
    let (etag, subject) = (etag.to_owned(), subject.to_owned());
    let read = (|| Some(TurnCampaign { request: request?, id: id?, how, etag, subject }))();
    parse.done(read)
}

pub(super) fn update_settings(sent: &pb::UpdateCampaignSettingsRequest) -> Result<UpdateCampaignSettings, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "CampaignService/UpdateCampaignSettings", &sent.request_id, body_of(sent));
    let it = sent.settings.clone().unwrap_or_default();
    let setting =
        Setting { global_holdout_bp: it.global_holdout_basis_points, self_approval: it.self_approval, revision: 0 };
    let read = (|| Some(UpdateCampaignSettings { request: request?, setting, etag: it.etag }))();
    parse.done(read)
}

pub(super) fn dry_run(sent: &pb::DryRunCampaignRequest) -> Result<DryRun, Violations> {
    let mut parse = Parse::default();
    let (id, user) = (parse.key("campaign_id", &sent.campaign_id), parse.user(&sent.user_id));
    let occurred_at = parse.time("occurred_at", sent.occurred_at.as_ref());
    let mut fields: Vec<(String, Value)> = Vec::with_capacity(sent.fields.len());
    for (name, fact) in &sent.fields {
        match value(fact) {
            Some(value) => fields.push((name.clone(), value)),
            None => parse.refuse(format!("fields[\"{name}\"]"), "has no value"),
        }
    }
    let event_id = sent.event_id.clone();
    let read = (|| Some(DryRun { id: id?, user: user?, occurred_at, fields, event_id }))();
    parse.done(read)
}

pub(super) fn put_action(sent: &pb::PutActionRequest) -> Result<PutAction, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "ActionService/PutAction", &sent.request_id, body_of(sent));
    let it = sent.action.clone().unwrap_or_default();
    let id = parse.key("action.action_id", &it.action_id);
    let display_name = parse.text("action.display_name", it.display_name.as_ref());
    let harmful = it.kind() == pb::ActionKind::Harmful;
    parse.require(harmful || it.ladder.is_none(), "action.ladder", "is for harmful actions only");
    let ladder = it.ladder.as_ref().map(|it| ladder(&mut parse, it));
    let read = (|| {
        let action = Action {
            id: id?,
            display_name,
            event_type: it.event_type,
            harmful,
            value_note: it.value_note,
            ladder,
            revision: 0,
        };
        Some(PutAction { request: request?, action, etag: it.etag })
    })();
    parse.done(read)
}

fn ladder(parse: &mut Parse, sent: &pb::Ladder) -> Ladder {
    let mut steps = Vec::with_capacity(sent.steps.len());
    for (index, step) in sent.steps.iter().enumerate() {
        let field = format!("action.ladder.steps[{index}]");
        let duration_s =
            step.duration.as_ref().and_then(|it| seconds(parse, &format!("{field}.duration"), it, DURATION_MAX_S));
        if let Some(kind) = kind(parse, &field, step.kind, &step.restrictions) {
            steps.push(Step { kind, duration_s, restrictions: step.restrictions.clone() });
        }
    }
    Ladder { window_days: sent.window_days.into(), steps, doubles: sent.doubles }
}

/// A kind whose restrictions fit it.
fn kind(parse: &mut Parse, field: &str, code: i32, restrictions: &[String]) -> Option<Kind> {
    let kind = Kind::from_code(code);
    let why = match kind {
        Some(Kind::Warn) if !restrictions.is_empty() => Some(("restrictions", "must be empty for a warning")),
        Some(Kind::Mute) if restrictions.is_empty() => Some(("restrictions", "must name at least one for a mute")),
        None => Some(("kind", "must be one of the kinds")),
        Some(_) => None,
    };
    if let Some((part, why)) = why {
        parse.refuse(format!("{field}.{part}"), why);
    }
    kind
}

pub(super) fn impose_penalty(sent: &pb::ImposePenaltyRequest, by: &str) -> Result<ImposePenalty, Violations> {
    let mut parse = Parse::default();
    let it = sent.penalty.clone().unwrap_or_default();
    let request = parse.request(&it.user_id, "PenaltyService/ImposePenalty", &sent.request_id, body_of(sent));
    let user = parse.user_in("penalty.user_id", &it.user_id);
    parse.require(!it.penalty_id.contains('\0'), "penalty.penalty_id", "must not contain a NUL character");
    for (field, text) in [("reason", &it.reason), ("notice", &it.notice), ("masked_name", &it.masked_name)] {
        parse.require(!text.contains('\0'), &format!("penalty.{field}"), "must not contain a NUL character");
    }
    let until = parse.time("penalty.until", it.until.as_ref());
    let action = if it.action_id.is_empty() { None } else { parse.key("penalty.action_id", &it.action_id) };
    parse.require(it.notice.is_empty() || !it.masked_name.is_empty(), "penalty.masked_name", "is needed with a notice");
    let what = if it.kind == 0 {
        parse.require(action.is_some(), "penalty.action_id", "is needed where no kind is given");
        let bare = it.restrictions.is_empty() && it.until.is_none();
        parse.require(bare, "penalty.kind", "is needed where restrictions or an end are given");
        None
    } else {
        kind(&mut parse, "penalty", it.kind, &it.restrictions).map(|kind| (kind, it.restrictions.clone(), until))
    };
    let read = (|| {
        Some(ImposePenalty {
            request: request?,
            user: user?,
            id: it.penalty_id,
            what,
            action,
            reason: it.reason,
            notice: (it.notice, it.masked_name),
            by: by.to_owned(),
        })
    })();
    parse.done(read)
}

pub(super) fn lift_penalty(sent: &pb::LiftPenaltyRequest, by: &str) -> Result<LiftPenalty, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "PenaltyService/LiftPenalty", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    for (field, text) in [("penalty_id", &sent.penalty_id), ("reason", &sent.reason)] {
        parse.require(!text.contains('\0'), field, "must not contain a NUL character");
    }
    let (id, reason, by) = (sent.penalty_id.clone(), sent.reason.clone(), by.to_owned());
    let read = (|| Some(LiftPenalty { request: request?, user: user?, id, reason, by }))();
    parse.done(read)
}
