use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::incentives::v1::ImposePenaltyResponse;
use requests::Request;
use service::{Answer, earlier, refuse};
use time::{Duration, OffsetDateTime};

use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::domain::penalty::{Kind, Penalty};
use crate::error::CampaignError;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// Imposes a penalty.
#[derive(Debug, Clone)]
pub struct ImposePenalty {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Unique within the user.
    pub id: String,
    /// What it is, what it restricts and until when; `None`: the action's ladder decides.
    pub what: Option<(Kind, Vec<String>, Option<OffsetDateTime>)>,
    /// The harmful action.
    pub action: Option<Key>,
    /// Why, for staff only.
    pub reason: String,
    /// What is published, under which masked name.
    pub notice: (String, String),
    /// The subject of the caller's token.
    pub by: String,
}

impl Incentives {
    /// See `PenaltyService.ImposePenalty`.
    pub async fn impose_penalty(
        &self,
        tenant: &TenantId,
        command: &ImposePenalty,
    ) -> Result<Answer<ImposePenaltyResponse>, CampaignError> {
        pg::retrying("impose_penalty", || self.impose_penalty_once(tenant, command)).await
    }

    #[tracing::instrument(name = "impose_penalty", skip_all)]
    async fn impose_penalty_once(
        &self,
        tenant: &TenantId,
        command: &ImposePenalty,
    ) -> Result<Answer<ImposePenaltyResponse>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        store::penalty::lock(&mut tx, tenant, &user).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let penalty = match decide(&mut tx, tenant, command, (user, at)).await? {
            Ok(penalty) => penalty,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        store::penalty::insert(&mut tx, tenant, &penalty).await?;
        store::template::register_tenant(&mut tx, tenant).await?;
        let (message, draft) = (campaign_wire::penalty(&penalty), campaign_events::penalty_imposed(&penalty));
        self.core
            .finish(tx, tenant, &command.request, (penalty.user.as_str(), &[draft]), |position| ImposePenaltyResponse {
                penalty: Some(message),
                position: Some(position),
            })
            .await
    }
}

async fn decide(
    tx: &mut Tx,
    tenant: &TenantId,
    command: &ImposePenalty,
    (user, at): (UserId, OffsetDateTime),
) -> Result<Result<Penalty, Refusal>, CampaignError> {
    if store::penalty::read(tx, tenant, &user, &command.id).await?.is_some() {
        return Ok(Err(Refusal::PenaltyExists { penalty_id: command.id.clone() }));
    }
    let mut offence = 0;
    let mut by_ladder = None;
    if let Some(id) = &command.action {
        let Some(action) = store::action::read(tx, tenant, id).await? else {
            return Ok(Err(Refusal::ActionNotFound { action_id: id.to_string() }));
        };
        let days = action.ladder.as_ref().map_or(3_650, |ladder| ladder.window_days);
        offence = 1 + store::penalty::offences(tx, tenant, (&user, id), at - Duration::days(days)).await?;
        by_ladder = action.ladder.map(|ladder| ladder.step(offence));
    }
    let what = match (&command.what, by_ladder) {
        (Some(what), _) => what.clone(),
        (None, Some(step)) => {
            let until = step.duration_s.map(|seconds| at + Duration::seconds(seconds));
            (step.kind, step.restrictions, until)
        }
        (None, None) => {
            let action_id = command.action.as_ref().map(ToString::to_string).unwrap_or_default();
            return Ok(Err(Refusal::ActionWithoutLadder { action_id }));
        }
    };
    let (kind, restrictions, until) = what;
    let (notice, masked_name) = command.notice.clone();
    Ok(Ok(Penalty {
        user,
        id: command.id.clone(),
        kind,
        restrictions,
        action: command.action.clone(),
        offence: i32::try_from(offence).unwrap_or(i32::MAX),
        imposed_at: at,
        imposed_by: command.by.clone(),
        until,
        reason: command.reason.clone(),
        notice,
        masked_name,
        lifted: None,
    }))
}
