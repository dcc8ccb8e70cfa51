use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use service::Page;
use time::OffsetDateTime;

use super::resolve;
use crate::domain::book::Programme;
use crate::domain::quest::Quest;
use crate::domain::quest::progress::Round;
use crate::domain::quest::standing::{QuestStanding, Rounds};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Which quests a user asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All that are in force.
    All,
    /// Those that can be worked on or started now.
    Open,
    /// Those whose period ends with today.
    Today,
}

impl Levels {
    /// See `QuestService.GetQuest`.
    pub async fn quest(&self, tenant: &TenantId, id: &Key) -> Result<Quest, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(quest(&programme, id)?.clone())
    }

    /// See `QuestService.ListQuests`: those after an id.
    pub async fn list_quests(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Quest, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        let rows = programme.quests.values().filter(|it| it.id.as_str() > after);
        let rows = rows.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).cloned().collect();
        Ok(Page::of(rows, size, |it: &Quest| it.id.to_string()))
    }

    /// See `QuestService.ListQuestProgress`: those after an id.
    pub async fn list_quest_progress(
        &self,
        tenant: &TenantId,
        (user, wanted): (&UserId, Wanted),
        (after, size): (&str, i64),
        at_least: &[Position],
    ) -> Result<Page<pb::QuestProgress, String>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let in_force = |it: &&Quest| !it.paused && it.is_valid(clock) && it.id.as_str() > after;
        let quests = programme.quests.values().filter(in_force);
        let quests: Vec<&Quest> = quests.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).collect();
        let page = Page::of(quests, size, |it| it.id.to_string());
        let standings = standings(&mut tx, tenant, &programme, (&user, &page.rows), clock).await?;
        tx.rollback().await?;
        let listed = standings.iter().filter(|it| match wanted {
            Wanted::All => true,
            Wanted::Open => it.is_open(),
            Wanted::Today => it.ends_today(clock),
        });
        Ok(Page { rows: listed.map(|it| wire::goal::quest_progress(it, clock)).collect(), next: page.next })
    }

    /// See `QuestService.GetQuestProgress`.
    pub async fn quest_progress(
        &self,
        tenant: &TenantId,
        (user, id): (&UserId, &Key),
        at_least: &[Position],
    ) -> Result<pb::QuestProgress, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let quest = quest(&programme, id)?;
        let user = resolve(&mut tx, tenant, user).await?;
        let standings = standings(&mut tx, tenant, &programme, (&user, &[quest]), clock).await?;
        tx.rollback().await?;
        Ok(wire::goal::quest_progress(&standings[0], clock))
    }
}

fn quest<'p>(programme: &'p Programme, id: &Key) -> Result<&'p Quest, Refusal> {
    programme.quests.get(id).ok_or_else(|| Refusal::QuestNotFound { quest_id: id.to_string() })
}

/// How a user stands in quests, in their order.
async fn standings<'q>(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, quests): (&UserId, &[&'q Quest]),
    clock: OffsetDateTime,
) -> Result<Vec<QuestStanding<'q>>, LevelsError> {
    let around: Vec<_> = quests.iter().map(|quest| (user, &quest.id, clock)).collect();
    let mut begun: BTreeMap<Key, Vec<Round>> = BTreeMap::new();
    for ((_, quest, _), round) in store::quest_progress::rounds(tx, tenant, &around, &[]).await? {
        begun.entry(quest).or_default().push(round);
    }
    let mut standing = match quests.iter().any(|quest| quest.scheme.is_some()) {
        true => Some(store::quest_progress::standing(tx, tenant, programme, &[user]).await?),
        false => None,
    };
    let mut of = |quest: &&'q Quest| {
        let rounds = begun.remove(&quest.id).unwrap_or_default();
        let start = |round: &Round| round.window.start;
        let latest = rounds.iter().filter(|round| start(round) <= clock).max_by_key(|round| start(round)).cloned();
        let newest = rounds.into_iter().max_by_key(start);
        let scheme = quest.scheme.as_ref();
        let rank = scheme.and_then(|id| standing.as_mut()?.rank_in(user, Some(id), clock));
        QuestStanding::of(quest, &Rounds { latest, newest }, rank, clock)
    };
    Ok(quests.iter().map(&mut of).collect())
}
