use ids::TenantId;
use proto::levels::v1::{PublishStreakResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use super::bonus::{self, Fault};
use crate::domain::bonus::Bonus;
use crate::domain::refusal::Refusal;
use crate::domain::streak::{STREAKS_MAX, Streak};
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a streak.
#[derive(Debug, Clone)]
pub struct PublishStreak {
    /// Makes it idempotent.
    pub request: Request,
    /// The streak; its version and time of publishing are set here.
    pub streak: Streak,
}

impl Levels {
    /// See `StreakService.PublishStreak`.
    pub async fn publish_streak(
        &self,
        tenant: &TenantId,
        command: &PublishStreak,
    ) -> Result<Answer<PublishStreakResponse>, LevelsError> {
        pg::retrying("publish_streak", || self.publish_streak_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_streak", skip_all, fields(streak = %command.streak.id))]
    async fn publish_streak_once(
        &self,
        tenant: &TenantId,
        command: &PublishStreak,
    ) -> Result<Answer<PublishStreakResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::streak::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut streak = command.streak.clone();
        let mut others = store::streak::all(&mut tx, tenant).await?;
        let before = others.remove(&streak.id);
        let milestones = streak.milestones.iter().enumerate();
        let bonuses: Vec<(String, &Bonus)> =
            milestones.map(|(n, it)| (format!("streak.milestones[{n}].bonus"), &it.bonus)).collect();
        let full = || Refusal::DefinitionLimit { kind: "streak".to_owned(), limit: STREAKS_MAX };
        let refusal = match bonus::check(&mut tx, tenant, &bonuses).await? {
            Some(Fault::Invalid(violations)) => return Err(LevelsError::Invalid(violations)),
            Some(Fault::Refused(refusal)) => Some(refusal),
            None => (others.len() >= STREAKS_MAX).then(full),
        };
        if let Some(refusal) = refusal {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        streak.version = before.as_ref().map_or(1, |before| before.version + 1);
        streak.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::streak::insert(&mut tx, tenant, &streak).await?;
        let message = wire::goal::streak(&streak);
        let draft = events::published(&command.request, Published::Streak(message.clone()), streak.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishStreakResponse {
                streak: Some(message),
                position: Some(position),
            })
            .await
    }
}
