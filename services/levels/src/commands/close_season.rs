use std::collections::BTreeSet;

use ids::{Key, TenantId};
use time::OffsetDateTime;

use super::ledger;
use crate::domain::account::Occasion;
use crate::domain::book::{AccountKey, Book};
use crate::domain::entry::Origin;
use crate::domain::leaderboard::ranking::Score;
use crate::domain::leaderboard::{Leaderboard, Prize, Season};
use crate::error::LevelsError;
use crate::events::leaderboard as told;
use crate::{Levels, events, store};

impl Levels {
    /// Closes the season of a tenant that has been over for longest, and gives its prizes; answers how many were closed. All
    /// of it is one transaction, so whatever breaks off, each place gets its prize once.
    #[tracing::instrument(name = "close_season", skip_all, fields(tenant = %tenant))]
    pub(super) async fn close_season(&self, tenant: &TenantId) -> Result<usize, LevelsError> {
        let mut tx = self.core.db.begin(tenant).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let Some((id, season_id)) = store::season::ended(&mut tx, tenant, clock).await? else { return Ok(0) };
        // those who were on their way with a score have come to an end after this, and others find that the season is over
        store::season::lock(&mut tx, tenant, &id).await?;
        let season = store::season::read(&mut tx, tenant, &id, &season_id).await?;
        let Some(season) = season.filter(|season| !season.closed) else { return Ok(0) };
        let leaderboard = programme.leaderboards.get(&id);
        let places = leaderboard.map_or(0, Leaderboard::prized_places);
        let top = store::score::below(&mut tx, tenant, (&id, &season_id), None, places).await?;
        let keys: BTreeSet<AccountKey> =
            leaderboard.iter().flat_map(|it| won(it, &top)).map(|(_, key, _)| key).collect();
        let accounts = ledger::lock(&mut tx, tenant, &programme, &keys, |_| true).await?;
        let members = ledger::members(&mut tx, tenant, &programme, &keys).await?;
        let holds = ledger::holds(&mut tx, tenant, &accounts, &[]).await?;
        // read again: an account that was waited for may have been decided later than the first look
        let clock = pg::clock(&mut tx).await?;
        let mut book = Book::new(&programme, accounts, members).with_holds(holds);
        let mut prizes = Vec::new();
        for (place, key, points) in leaderboard.iter().flat_map(|it| won(it, &top)) {
            prizes.push(give(&mut book, (&id, &season), (place, &key, points), clock));
        }
        let written = book.close();
        ledger::write(&mut tx, tenant, &programme, &written).await?;
        store::season::close(&mut tx, tenant, (&id, &season_id), &prizes).await?;
        let everybody = (i64::MAX, clock, "");
        let participants = store::score::standing(&mut tx, tenant, (&id, &season_id), everybody).await?.participants;
        let drafts = written.effects.iter().map(|effect| events::told(effect, None));
        let mut drafts = drafts.collect::<Result<Vec<_>, _>>()?;
        let end = season.end.unwrap_or(clock);
        drafts.extend(prizes.iter().map(|prize| told::prize_given(&id, &season, prize, end)));
        drafts.push(told::closed(&id, &Season { closed: true, ..season }, participants, end));
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        Ok(1)
    }
}

/// Who of the first gets what: place, account and points.
fn won<'a>(leaderboard: &'a Leaderboard, top: &'a [Score]) -> impl Iterator<Item = (i64, AccountKey, i64)> + 'a {
    (1..).zip(top).filter_map(|(place, score)| {
        let prize = leaderboard.prize(place)?;
        Some((place, (score.user.clone(), prize.point_type.clone()), prize.points))
    })
}

/// Gives a prize, as of the end of the season. Where the account has no room for it there is no entry.
fn give(
    book: &mut Book<'_>,
    (leaderboard, season): (&Key, &Season),
    (place, key, points): (i64, &AccountKey, i64),
    clock: OffsetDateTime,
) -> Prize {
    let at = book.decision_time(key, clock);
    let reason = format!("{leaderboard} {} #{place}", season.id);
    let occasion = Occasion { occurred_at: season.end, origin: Origin { reason, ..Origin::default() } };
    let entry_seq = book.earn(key, points, occasion, at).map_or(0, |(entry, _)| entry.seq);
    book.decide_level(&key.0, at);
    Prize { user: key.0.clone(), place, point_type: key.1.clone(), points, entry_seq }
}
