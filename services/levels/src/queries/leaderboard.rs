use std::collections::BTreeSet;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1 as pb;
use service::Page;
use time::OffsetDateTime;

use super::resolve;
use crate::domain::leaderboard::ranking::{Score, better_than_bp};
use crate::domain::leaderboard::{Leaderboard, Season};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// A place in the order of a season, as page tokens hold it: what is ordered by, when it was reached, and whose it is.
pub type PlaceKey = (i64, OffsetDateTime, String);

/// A season, and users in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks {
    /// The season.
    pub season: pb::Season,
    /// The users, highest first.
    pub users: Vec<pb::RankedUser>,
    /// After whom there are more.
    pub next: Option<PlaceKey>,
}

/// Which season of a leaderboard is asked for; an empty id: the one that runs now.
type Asked<'a> = (&'a Key, &'a str);

impl Levels {
    /// See `LeaderboardService.GetLeaderboard`.
    pub async fn leaderboard(&self, tenant: &TenantId, id: &Key) -> Result<Leaderboard, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        programme.leaderboards.get(id).cloned().ok_or_else(|| missing(id).into())
    }

    /// See `LeaderboardService.ListLeaderboards`: those after an id.
    pub async fn list_leaderboards(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Leaderboard, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        let rows = programme.leaderboards.values().filter(|it| it.id.as_str() > after);
        let rows = rows.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).cloned().collect();
        Ok(Page::of(rows, size, |it: &Leaderboard| it.id.to_string()))
    }

    /// See `LeaderboardService.ListSeasons`: those before a place.
    pub async fn list_seasons(
        &self,
        tenant: &TenantId,
        id: &Key,
        before: Option<(OffsetDateTime, String)>,
        size: i64,
    ) -> Result<Page<Season, (OffsetDateTime, String)>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        programme.leaderboards.get(id).ok_or_else(|| missing(id))?;
        let before = before.as_ref().map(|(starts_at, id)| (*starts_at, id.as_str()));
        let rows = store::season::list(&mut tx, tenant, id, before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it: &Season| (it.start, it.id.clone())))
    }

    /// See `LeaderboardService.ListRanks`: those after a place.
    pub async fn list_ranks(
        &self,
        tenant: &TenantId,
        asked: Asked<'_>,
        after: Option<PlaceKey>,
        size: i64,
    ) -> Result<Ranks, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (leaderboard, season) = self.asked(&mut tx, tenant, asked).await?;
        let key = (asked.0, season.id.as_str());
        let after = after.as_ref().map(|(rank_key, at, user)| (*rank_key, *at, user.as_str()));
        let before = match after {
            // nothing stands between an id and the same with the smallest character that an id may have
            Some((rank_key, at, user)) => {
                let behind = format!("{user}\u{1}");
                store::score::standing(&mut tx, tenant, key, (rank_key, at, &behind)).await?.before
            }
            None => 0,
        };
        let left = leaderboard.listed_places.map_or(i64::MAX, |listed| (listed - before).max(0));
        let rows = store::score::below(&mut tx, tenant, key, after, (size + 1).min(left)).await?;
        tx.rollback().await?;
        let page = Page::of(rows, size, |it: &Score| (it.rank_key, it.attained_at, it.user.to_string()));
        let users = (before + 1..).zip(&page.rows);
        let users = users.map(|(place, it)| wire::leaderboard::ranked(&leaderboard, it, place, false));
        Ok(Ranks { season: wire::leaderboard::season(&season), users: users.collect(), next: page.next })
    }

    /// See `LeaderboardService.ListNeighbours`: so many above and below.
    pub async fn list_neighbours(
        &self,
        tenant: &TenantId,
        asked: Asked<'_>,
        user: &UserId,
        count: i64,
    ) -> Result<Ranks, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (leaderboard, season) = self.asked(&mut tx, tenant, asked).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let key = (asked.0, season.id.as_str());
        let mut users = Vec::new();
        if let Some(own) = store::score::read(&mut tx, tenant, key, &[user.as_str()]).await?.pop() {
            let at = (own.rank_key, own.attained_at, own.user.as_str());
            let before = store::score::standing(&mut tx, tenant, key, at).await?.before;
            let mut above = store::score::above(&mut tx, tenant, key, at, count).await?;
            let below = store::score::below(&mut tx, tenant, key, Some(at), count).await?;
            above.reverse();
            let first = before + 1 - i64::try_from(above.len()).unwrap_or(0);
            let all = above.iter().chain([&own]).chain(&below);
            let shown = |(place, it)| wire::leaderboard::ranked(&leaderboard, it, place, it.user == user);
            users = (first..).zip(all).map(shown).collect();
        }
        tx.rollback().await?;
        Ok(Ranks { season: wire::leaderboard::season(&season), users, next: None })
    }

    /// See `LeaderboardService.ListRanksOf`.
    pub async fn list_ranks_of(
        &self,
        tenant: &TenantId,
        asked: Asked<'_>,
        users: &[UserId],
    ) -> Result<Ranks, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (leaderboard, season) = self.asked(&mut tx, tenant, asked).await?;
        let aliases = mirror::resolve(&mut tx, tenant, users).await?;
        let users: BTreeSet<UserId> = users.iter().map(|user| aliases.meant(user)).collect();
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let found = store::score::read(&mut tx, tenant, (asked.0, &season.id), &users).await?;
        tx.rollback().await?;
        let users = (1..).zip(&found).map(|(place, it)| wire::leaderboard::ranked(&leaderboard, it, place, true));
        Ok(Ranks { season: wire::leaderboard::season(&season), users: users.collect(), next: None })
    }

    /// See `LeaderboardService.GetRank`.
    pub async fn rank(
        &self,
        tenant: &TenantId,
        asked: Asked<'_>,
        user: &UserId,
    ) -> Result<pb::GetRankResponse, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (leaderboard, season) = self.asked(&mut tx, tenant, asked).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let key = (asked.0, season.id.as_str());
        let own = store::score::read(&mut tx, tenant, key, &[user.as_str()]).await?.pop();
        let nobodys = (i64::MIN, OffsetDateTime::UNIX_EPOCH, "");
        let at = own.as_ref().map_or(nobodys, |own| (own.rank_key, own.attained_at, own.user.as_str()));
        let standing = store::score::standing(&mut tx, tenant, key, at).await?;
        let prize = store::season::prize(&mut tx, tenant, key, &user).await?;
        tx.rollback().await?;
        let place = standing.before + 1;
        Ok(pb::GetRankResponse {
            season: Some(wire::leaderboard::season(&season)),
            better_than_bp: own.as_ref().map_or(0, |_| better_than_bp(place, standing.participants)),
            rank: own.map(|own| wire::leaderboard::ranked(&leaderboard, &own, place, true)),
            participants: standing.participants,
            prize: prize.as_ref().map(wire::leaderboard::prize),
        })
    }

    /// The leaderboard and the season that are asked for. One that runs is there also where nobody has a score in it.
    async fn asked(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        (id, season_id): Asked<'_>,
    ) -> Result<(Leaderboard, Season), LevelsError> {
        let (programme, clock) = self.programme.now(tx, tenant).await?;
        let leaderboard = programme.leaderboards.get(id).ok_or_else(|| missing(id))?;
        let running = leaderboard.season_at(clock).filter(|it| season_id.is_empty() || it.id == season_id);
        let known = running.as_ref().map_or(season_id, |running| &running.id);
        let season = store::season::read(tx, tenant, id, known).await?.or(running);
        let (leaderboard_id, season_id) = (id.to_string(), season_id.to_owned());
        let season = season.ok_or(Refusal::SeasonNotFound { leaderboard_id, season_id })?;
        Ok((leaderboard.clone(), season))
    }
}

fn missing(id: &Key) -> Refusal {
    Refusal::LeaderboardNotFound { leaderboard_id: id.to_string() }
}
