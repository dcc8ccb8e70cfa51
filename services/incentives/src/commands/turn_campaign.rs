use ids::{Key, TenantId};
use proto::common::v1::Position;
use proto::incentives::v1::{
    ApproveCampaignResponse, Campaign, CampaignChanged, EndCampaignResponse, PauseCampaignResponse,
    ResumeCampaignResponse,
};
use requests::Request;
use service::{Answer, earlier, refuse};
use time::OffsetDateTime;

use crate::domain::campaign::{Standing, State, Turn};
use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::error::CampaignError;
use crate::store::campaign::Saved;
use crate::{Incentives, campaign_events, campaign_wire, store};

/// What is decided of a campaign by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The newest version is put in force.
    Approve,
    /// It is held up.
    Pause,
    /// It goes on.
    Resume,
    /// It is over for good.
    End,
}

/// Decides something of a campaign by hand.
#[derive(Debug, Clone)]
pub struct TurnCampaign {
    /// Makes it idempotent.
    pub request: Request,
    /// The campaign.
    pub id: Key,
    /// What is decided.
    pub how: How,
    /// The etag that was read; empty: not checked.
    pub etag: String,
    /// The subject of the caller's token.
    pub subject: String,
}

/// The answers to the four decisions.
pub trait TurnAnswer: prost::Message + Default {
    /// Of the campaign and the place in the log.
    fn of(campaign: Campaign, position: Position) -> Self;
}

macro_rules! turn_answer {
    ($($name:ident),*) => {
        $(impl TurnAnswer for $name {
            fn of(campaign: Campaign, position: Position) -> Self {
                Self { campaign: Some(campaign), position: Some(position) }
            }
        })*
    };
}
turn_answer!(ApproveCampaignResponse, PauseCampaignResponse, ResumeCampaignResponse, EndCampaignResponse);

impl Incentives {
    /// See `CampaignService.ApproveCampaign`, `PauseCampaign`, `ResumeCampaign` and `EndCampaign`.
    pub async fn turn_campaign<T: TurnAnswer>(
        &self,
        tenant: &TenantId,
        command: &TurnCampaign,
    ) -> Result<Answer<T>, CampaignError> {
        pg::retrying("turn_campaign", || self.turn_campaign_once(tenant, command)).await
    }

    #[tracing::instrument(name = "turn_campaign", skip_all, fields(campaign = %command.id, how = ?command.how))]
    async fn turn_campaign_once<T: TurnAnswer>(
        &self,
        tenant: &TenantId,
        command: &TurnCampaign,
    ) -> Result<Answer<T>, CampaignError> {
        let mut tx = self.core.write(tenant).await?;
        store::campaign::lock_id(&mut tx, tenant, &command.id).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        let setting = store::campaign::setting(&mut tx, tenant).await?;
        let turned = match store::campaign::read(&mut tx, tenant, command.id.as_str()).await? {
            Some(before) => turn(command, before, setting.self_approval, at),
            None => Err(Refusal::CampaignNotFound { campaign_id: command.id.to_string() }),
        };
        let saved = match turned {
            Ok(saved) => saved,
            Err(refusal) => return Err(refuse(tx, tenant, &command.request, refusal).await),
        };
        if let Some(turn) = &saved.turn {
            store::campaign::insert_turn(&mut tx, tenant, turn, &command.subject).await?;
        }
        let message = campaign_wire::campaign(&saved, at);
        let told = CampaignChanged { campaign: Some(message.clone()) };
        let draft = campaign_events::changed(&command.request, &told, at);
        self.core.finish(tx, tenant, &command.request, ("", &[draft]), |position| T::of(message, position)).await
    }
}

/// The campaign after its turn, or why it does not turn.
fn turn(command: &TurnCampaign, before: Saved, self_approval: bool, at: OffsetDateTime) -> Result<Saved, Refusal> {
    let campaign_id = || before.id.to_string();
    let etag = campaign_wire::campaign_etag(&before);
    if !command.etag.is_empty() && command.etag != etag {
        return Err(Refusal::EtagMismatch { etag });
    }
    let standing = before.turn.as_ref().map(|turn| turn.standing);
    if standing == Some(Standing::Ended) {
        return Err(Refusal::CampaignEnded { campaign_id: campaign_id() });
    }
    let state = State::of(before.turn.as_ref(), before.approved.as_ref(), at);
    let not_now = || Refusal::CampaignState { campaign_id: campaign_id(), state: state.name().to_owned() };
    let last_version = before.turn.as_ref().map(|turn| turn.version);
    let (version, standing) = match (command.how, standing) {
        (How::Approve, _) if last_version == Some(before.version) => {
            return Err(Refusal::CampaignApproved { campaign_id: campaign_id(), version: before.version });
        }
        (How::Approve, _) if before.author == command.subject && !self_approval => {
            return Err(Refusal::ApproverIsAuthor { campaign_id: campaign_id() });
        }
        // a campaign that is held up stays so with its new version
        (How::Approve, standing) => (before.version, standing.unwrap_or(Standing::InForce)),
        (How::Pause, Some(Standing::InForce)) => (last_version.unwrap_or(before.version), Standing::Paused),
        (How::Resume, Some(Standing::Paused)) => (last_version.unwrap_or(before.version), Standing::InForce),
        (How::End, _) => (last_version.unwrap_or(before.version), Standing::Ended),
        (How::Pause | How::Resume, _) => return Err(not_now()),
    };
    let turn = Turn {
        campaign_id: before.id.clone(),
        number: before.turn.as_ref().map_or(1, |turn| turn.number + 1),
        version,
        standing,
        at: before.turn.as_ref().map_or(at, |turn| turn.at.max(at)),
    };
    let approved = if version == before.version { Some(before.definition.clone()) } else { before.approved.clone() };
    Ok(Saved { turn: Some(turn), approved, ..before })
}
