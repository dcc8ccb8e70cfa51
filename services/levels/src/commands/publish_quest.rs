use std::collections::BTreeMap;

use ids::{Key, TenantId};
use pg::{StoreError, Tx};
use proto::levels::v1::{PublishQuestResponse, programme_published::Published};
use requests::Request;
use service::{Answer, earlier, refuse};

use super::bonus::{self, Fault};
use crate::domain::quest::{QUESTS_MAX, Quest};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, events, store, wire};

/// Publishes a quest.
#[derive(Debug, Clone)]
pub struct PublishQuest {
    /// Makes it idempotent.
    pub request: Request,
    /// The quest; its version and times of publishing are set here.
    pub quest: Quest,
}

impl Levels {
    /// See `QuestService.PublishQuest`.
    pub async fn publish_quest(
        &self,
        tenant: &TenantId,
        command: &PublishQuest,
    ) -> Result<Answer<PublishQuestResponse>, LevelsError> {
        pg::retrying("publish_quest", || self.publish_quest_once(tenant, command)).await
    }

    #[tracing::instrument(name = "publish_quest", skip_all, fields(quest = %command.quest.id))]
    async fn publish_quest_once(
        &self,
        tenant: &TenantId,
        command: &PublishQuest,
    ) -> Result<Answer<PublishQuestResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        store::quest::lock(&mut tx, tenant).await?;
        if let Some(answer) = earlier(&mut tx, tenant, &command.request).await? {
            return Ok(answer);
        }
        let mut quest = command.quest.clone();
        let mut others = store::quest::all(&mut tx, tenant).await?;
        let before = others.remove(&quest.id);
        let refusal = match bonus::check(&mut tx, tenant, &[("quest.bonus".to_owned(), &quest.bonus)]).await? {
            Some(Fault::Invalid(violations)) => return Err(LevelsError::Invalid(violations)),
            Some(Fault::Refused(refusal)) => Some(refusal),
            None => refusal(&mut tx, tenant, &quest, (before.as_ref(), &others)).await?,
        };
        if let Some(refusal) = refusal {
            return Err(refuse(tx, tenant, &command.request, refusal).await);
        }
        let at = self.core.decide(&mut tx, tenant).await?;
        quest.version = before.as_ref().map_or(1, |before| before.version + 1);
        quest.create_time = before.as_ref().map_or(at, |before| before.create_time);
        quest.publish_time = before.map_or(at, |before| before.publish_time.max(at));
        store::quest::insert(&mut tx, tenant, &quest).await?;
        let message = wire::goal::quest(&quest);
        let draft = events::published(&command.request, Published::Quest(message.clone()), quest.publish_time);
        self.core
            .finish(tx, tenant, &command.request, ("", &[draft]), |position| PublishQuestResponse {
                quest: Some(message),
                position: Some(position),
            })
            .await
    }
}

async fn refusal(
    tx: &mut Tx,
    tenant: &TenantId,
    quest: &Quest,
    (before, others): (Option<&Quest>, &BTreeMap<Key, Quest>),
) -> Result<Option<Refusal>, StoreError> {
    if let Some(field) = before.and_then(|before| quest.breaks(before)) {
        return Ok(Some(Refusal::QuestFixed { quest_id: quest.id.to_string(), field: field.to_owned() }));
    }
    if others.len() >= QUESTS_MAX {
        return Ok(Some(Refusal::DefinitionLimit { kind: "quest".to_owned(), limit: QUESTS_MAX }));
    }
    let Some(id) = &quest.scheme else { return Ok(None) };
    let (scheme_id, rank) = (id.to_string(), quest.last_rank.unwrap_or(quest.first_rank));
    let scheme = store::scheme::all(tx, tenant).await?.remove(id);
    Ok(match scheme {
        None => Some(Refusal::SchemeNotFound { scheme_id }),
        Some(scheme) if rank >= scheme.levels.len() => Some(Refusal::LevelNotFound { scheme_id, rank }),
        Some(_) => None,
    })
}
