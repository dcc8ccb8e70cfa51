use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::StartQuestResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};
use time::OffsetDateTime;

use crate::domain::book::Programme;
use crate::domain::quest::progress::{QuestBook, RoundKey};
use crate::domain::quest::standing::{QuestStanding, Rounds};
use crate::domain::quest::window::Window;
use crate::domain::quest::{Quest, QuestStart, Recurrence};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::events::goal as told;
use crate::{Levels, store, wire};

/// Starts a quest for a user.
#[derive(Debug, Clone)]
pub struct StartQuest {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The quest.
    pub quest: Key,
}

impl Levels {
    /// See `QuestService.StartQuest`.
    pub async fn start_quest(
        &self,
        tenant: &TenantId,
        command: &StartQuest,
    ) -> Result<Answer<StartQuestResponse>, LevelsError> {
        pg::retrying("start_quest", || self.start_quest_once(tenant, command)).await
    }

    #[tracing::instrument(name = "start_quest", skip_all, fields(quest = %command.quest))]
    async fn start_quest_once(
        &self,
        tenant: &TenantId,
        command: &StartQuest,
    ) -> Result<Answer<StartQuestResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::held_badge::lock_users(&mut tx, tenant, &[user.as_str()]).await?;
        let batch = Batch::<StartQuestResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let at = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let mut drafts = Vec::new();
        let outcome = match decide(&mut tx, tenant, &programme, (&user, &command.quest), at).await? {
            Err(refusal) => Err(refusal),
            Ok((quest, rank, window)) => {
                let key: RoundKey = (user.clone(), quest.id.clone(), window.start);
                let mut book = QuestBook::default();
                book.start(&key, quest, window);
                store::quest_progress::write_rounds(&mut tx, tenant, &book.rounds_to_write()).await?;
                drafts.push(told::quest_started(&user, &quest.id, &window));
                let round = book.round(&key).cloned();
                let standing = QuestStanding::of(quest, &Rounds { latest: round.clone(), newest: round }, rank, at);
                Ok(wire::goal::quest_progress(&standing, at))
            }
        };
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, progress, position| StartQuestResponse { progress: Some(progress), position: Some(position) };
        only(batch.finish(&self.core, tx, tenant, Keep::Days30, decided, answer).await?)
    }
}

/// Whether a user may start a quest now, with the user's rank and the period that begins by it.
async fn decide<'q>(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &'q Programme,
    (user, id): (&UserId, &Key),
    at: OffsetDateTime,
) -> Result<Result<(&'q Quest, Option<i64>, Window), Refusal>, LevelsError> {
    let quest_id = id.to_string();
    let Some(quest) = programme.quests.get(id) else { return Ok(Err(Refusal::QuestNotFound { quest_id })) };
    if quest.start != QuestStart::ByUser {
        return Ok(Err(Refusal::QuestNotByUser { quest_id }));
    }
    if quest.paused || !quest.is_valid(at) {
        return Ok(Err(Refusal::QuestNotInForce { quest_id }));
    }
    let rank = match &quest.scheme {
        Some(scheme) => {
            store::quest_progress::standing(tx, tenant, programme, &[user]).await?.rank_in(user, Some(scheme), at)
        }
        None => None,
    };
    if !quest.has_rank(rank) {
        return Ok(Err(Refusal::QuestLocked { quest_id }));
    }
    let rounds = store::quest_progress::rounds(tx, tenant, &[(user, id, at)], &[]).await?;
    let newest = rounds.into_iter().map(|(_, round)| round.window).max_by_key(|window| window.start);
    if let Some(newest) = newest {
        let ended = newest.end.is_some_and(|end| end <= at);
        if quest.recurrence == Recurrence::None || !ended {
            let again_at = newest.end.filter(|_| quest.recurrence != Recurrence::None);
            return Ok(Err(Refusal::QuestStarted { quest_id, again_at }));
        }
    }
    Ok(Ok((quest, rank, quest.window_from(at))))
}
