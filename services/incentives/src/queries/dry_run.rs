use std::collections::{BTreeMap, BTreeSet};

use ids::{EventId, Key, TenantId, UserId};
use proto::incentives::v1::DryRunCampaignResponse;
use service::Parse;
use time::OffsetDateTime;
use units::text;

use crate::commands::compile;
use crate::domain::book::{Book, Loaded, Terms};
use crate::domain::campaign::Version;
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::domain::decision::{Outcome, Verdict, both, sentence};
use crate::domain::incoming::Incoming;
use crate::domain::trigger::{Happening, names_of};
use crate::error::CampaignError;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// An event that did not happen.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// The campaign.
    pub id: Key,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// When it would have happened; `None`: now.
    pub occurred_at: Option<OffsetDateTime>,
    /// Its values.
    pub fields: Vec<(String, rules::Value)>,
    /// Decides draws; may be empty.
    pub event_id: String,
}

impl Incentives {
    /// See `CampaignService.DryRunCampaign`.
    pub async fn dry_run(&self, tenant: &TenantId, run: &DryRun) -> Result<DryRunCampaignResponse, CampaignError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let Some(saved) = store::campaign::read(&mut tx, tenant, run.id.as_str()).await? else {
            return Err(Refusal::CampaignNotFound { campaign_id: run.id.to_string() }.into());
        };
        let version = compile(&saved.id, saved.version, saved.definition)?;
        offered(&version, &run.fields)?;
        let now = pg::clock(&mut tx).await?;
        let user = mirror::resolve(&mut tx, tenant, [&run.user]).await?.meant(&run.user);
        let incoming = incoming(run, &version, user, now)?;
        let limits = version.definition.user_limits.iter();
        let bucket = |limit: &crate::domain::campaign::UserLimit| {
            let bucket = limit.period.bucket(&version.compiled.zone, incoming.occurred_at);
            (incoming.user.clone(), run.id.clone(), bucket)
        };
        let uses: BTreeSet<_> = limits.map(bucket).collect();
        let rows = Loaded {
            figures: BTreeMap::from([(run.id.clone(), store::figures::read(&mut tx, tenant, run.id.as_str()).await?)]),
            uses: store::grant::uses(&mut tx, tenant, &uses).await?,
            ..Loaded::default()
        };
        let setting = store::campaign::setting(&mut tx, tenant).await?;
        tx.rollback().await?;
        let terms = Terms { tenant, global_holdout_bp: setting.global_holdout_bp, gift_id: campaign_events::gift_id };
        Ok(answer(&version, &Book::new(terms, rows), &incoming, now))
    }
}

/// Fields that the trigger does not offer, or with another type.
fn offered(version: &Version, fields: &[(String, rules::Value)]) -> Result<(), CampaignError> {
    let names = names_of(&version.definition.event_type);
    let names: BTreeMap<&str, rules::Type> = names.iter().collect();
    let mut parse = Parse::default();
    for (name, value) in fields {
        match names.get(name.as_str()) {
            None => {
                let offered = names.keys().copied().collect::<Vec<_>>().join(", ");
                parse.refuse(format!("fields[\"{name}\"]"), format!("is not offered here; there are: {offered}"));
            }
            Some(ty) if *ty != value.ty() => parse.refuse(format!("fields[\"{name}\"]"), format!("must be a {ty}")),
            Some(_) => {}
        }
    }
    parse.done(Some(())).map_err(CampaignError::Invalid)
}

fn incoming(run: &DryRun, version: &Version, user: UserId, now: OffsetDateTime) -> Result<Incoming, CampaignError> {
    let occurred_at = run.occurred_at.unwrap_or(now);
    let mut happening = Happening::default();
    happening.set("at", occurred_at);
    run.fields.iter().for_each(|(name, value)| happening.set(name.as_str(), value.clone()));
    let id = if run.event_id.is_empty() { "dry-run" } else { &run.event_id };
    let mut parse = Parse::default();
    let event_id = EventId::new(id).map_err(|fault| parse.refuse("event_id", fault.to_string())).ok();
    Ok(Incoming {
        user,
        event_id: parse.done(event_id).map_err(CampaignError::Invalid)?,
        event_type: version.definition.event_type.clone(),
        root_event_id: id.to_owned(),
        last_hop: false,
        occurred_at,
        recorded_at: now.max(occurred_at),
        order_id: String::new(),
        triggers: Some(happening),
        gives_back: None,
        moved: None,
        bought_minor: None,
    })
}

fn answer(version: &Version, book: &Book<'_>, incoming: &Incoming, now: OffsetDateTime) -> DryRunCampaignResponse {
    let nothing = |condition, zh: &str, en: &str| DryRunCampaignResponse {
        condition,
        explanation: Some(text::to_proto(&both(zh, en))),
        ..DryRunCampaignResponse::default()
    };
    let happening = incoming.triggers.clone().unwrap_or_default();
    if !version.compiled.holds(&happening) {
        return nothing(false, "未触发：条件不满足", "Not set off: the condition does not hold");
    }
    if !version.definition.open(incoming.occurred_at) {
        return nothing(true, "未触发：不在活动时间内", "Not set off: outside the campaign's window");
    }
    let verdict = match book.judge(version, incoming, &happening, None) {
        Ok(grant) => Verdict { amount: grant.amount, ..Verdict::of(Outcome::Granted) },
        Err(verdict) => verdict,
    };
    let coupon = matches!(version.definition.reward, crate::domain::campaign::Reward::Coupon { .. });
    DryRunCampaignResponse {
        condition: true,
        outcome: campaign_wire::outcome(verdict.outcome),
        amount: verdict.amount,
        explanation: Some(text::to_proto(&sentence(&verdict, coupon, &version.compiled.zone, now))),
    }
}
