use ids::TenantId;
use proto::levels::v1::{PublishLeaderboardResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use crate::domain::leaderboard::{LEADERBOARDS_MAX, Leaderboard};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a leaderboard.
#[derive(Debug, Clone)]
pub struct PublishLeaderboard {
    /// Makes it idempotent.
    pub request: Request,
    /// The leaderboard; its version and time of publishing are set here.
    pub leaderboard: Leaderboard,
}

impl Levels {
    /// See `LeaderboardService.PublishLeaderboard`.
    pub async fn publish_leaderboard(
        &self,
        tenant: &TenantId,
        command: &PublishLeaderboard,
    ) -> Result<Answer<PublishLeaderboardResponse>, LevelsError> {
        pg::retrying("publish_leaderboard", || self.publish_leaderboard_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_leaderboard", skip_all, fields(leaderboard = %command.leaderboard.id))]
    async fn publish_leaderboard_once(
        &self,
        tenant: &TenantId,
        command: &PublishLeaderboard,
    ) -> Result<Answer<PublishLeaderboardResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::leaderboard::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut leaderboard = command.leaderboard.clone();
        let mut others = store::leaderboard::all(&mut tx, tenant).await?;
        let before = others.remove(&leaderboard.id);
        let wanted: Vec<&str> = leaderboard.prizes.iter().map(|prize| prize.point_type.as_str()).collect();
        let types = store::point_type::read(&mut tx, tenant, &wanted).await?;
        let at = self.core.decide(&mut tx, tenant).await?;
        let missing = leaderboard.prizes.iter().find(|prize| !types.contains_key(&prize.point_type));
        let refusal = if let Some(prize) = missing {
            Some(Refusal::PointTypeNotFound { point_type_id: prize.point_type.to_string() })
        } else if let Some(field) = before.as_ref().and_then(|before| leaderboard.breaks(before, at)) {
            let leaderboard_id = leaderboard.id.to_string();
            Some(Refusal::LeaderboardFixed { leaderboard_id, field: field.to_owned() })
        } else {
            (others.len() >= LEADERBOARDS_MAX).then_some(Refusal::LeaderboardLimit { limit: LEADERBOARDS_MAX })
        };
        if let Some(refusal) = refusal {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        leaderboard.version = before.as_ref().map_or(1, |before| before.version + 1);
        leaderboard.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::leaderboard::insert(&mut tx, tenant, &leaderboard).await?;
        store::point_type::register_tenant(&mut tx, tenant).await?; // seasons end by the timers
        let message = wire::leaderboard::leaderboard(&leaderboard);
        let published = Published::Leaderboard(message.clone());
        let draft = events::published(&command.request, published, leaderboard.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishLeaderboardResponse {
                leaderboard: Some(message),
                position: Some(position),
            })
            .await
    }
}
