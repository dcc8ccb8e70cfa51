//! What users had elsewhere, brought along with its dates.

use ids::{EventId, UserId};
use time::OffsetDateTime;

use super::account::{Account, Change, Occasion};
use super::book::{AccountKey, Book};
use super::entry::{Entry, EntryKind};
use super::job::line::{Line, OpeningLevel};
use super::job::{Opened, OpenedBy};
use super::pending::Release;
use super::point_type::BALANCE_MAX;
use super::refusal::Refusal;
use super::scheme::Scheme;

impl Account {
    /// Adds points and growth that were given elsewhere: to their lot, where debt is filled first, or to what is pending.
    fn open(&mut self, user: &UserId, line: &Line, occasion: Occasion, at: OffsetDateTime) -> Result<Entry, Refusal> {
        let (points, growth) = (line.amount, line.growth);
        if points > self.room() || growth > BALANCE_MAX - self.growth - self.pending.sum() {
            return Err(Refusal::BalanceOverflow { amount: points.max(growth) });
        }
        if let Some(date) = line.expires_at.filter(|date| *date <= at && points > 0) {
            return Err(Refusal::OpeningLapsed { expires_at: date });
        }
        let change = Change { growth, ..Change::default() };
        let Some(time) = line.activates_at.filter(|time| *time > at && points > 0) else {
            let lots = if points > 0 { self.fill(user, line.expires_at, user, points) } else { Vec::new() };
            return Ok(self.post(EntryKind::Opening, Change { lots, ..change }, occasion, at));
        };
        self.pending.add(&Release::At(time), user, points);
        let mut entry = self.post(EntryKind::Opening, Change { pending: points, ..change }, occasion, at);
        entry.activates_at = Some(time);
        Ok(entry)
    }
}

impl<'a> Book<'a> {
    /// The scheme, or the refusal of a level that would be lost with the next entry or at once.
    fn supporting(
        &self,
        key: &AccountKey,
        level: &OpeningLevel,
        growth: i64,
        at: OffsetDateTime,
    ) -> Result<&'a Scheme, Refusal> {
        let scheme = self.programme.main_scheme().filter(|scheme| *scheme.guard() == key.1);
        let supported_rank = scheme.map(|scheme| {
            let (_, mut figures) = self.standing(&key.0, scheme);
            let opened = scheme.measures.iter().zip(&mut figures).filter(|(it, _)| it.point_type == key.1);
            opened.for_each(|(_, seen)| seen.growth = growth);
            scheme.rank_for(&scheme.counts(&figures, &[]))
        });
        if let Some(ended) = level.valid_until.filter(|end| *end <= at) {
            return Err(Refusal::OpeningLapsed { expires_at: ended });
        }
        match scheme {
            Some(scheme) if supported_rank == Some(level.rank) => Ok(scheme),
            _ => Err(Refusal::OpeningLevelUnsupported { rank: level.rank, supported_rank, growth }),
        }
    }

    /// Opens an account with what a line says. An account is opened once, by one job, however many lines of it are about
    /// the account; and only before anything else was booked in it.
    pub fn open(
        &mut self,
        key: &AccountKey,
        line: &Line,
        (job, opened): (&EventId, &mut Opened),
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Entry, Refusal> {
        self.point_type(&key.1)?;
        match opened.get(key) {
            Some(by) if by.job == *job || by.recalled => {}
            Some(by) => return Err(Refusal::OpeningExists { job_id: by.job.to_string() }),
            None => match self.account_of(key).entry_seq {
                0 => {}
                entries => return Err(Refusal::AccountTouched { entries }),
            },
        }
        self.settle(key, at);
        let growth = self.account(key).growth + line.growth;
        let level = line.level.as_ref();
        let level = level.map(|level| Ok((self.supporting(key, level, growth, at)?, level))).transpose()?;
        let entry = self.account(key).open(&key.0, line, occasion, at)?;
        opened.insert(key.clone(), OpenedBy { job: job.clone(), recalled: false });
        let (entry, _) = self.posted(key, entry, at);
        if let Some((scheme, level)) = level {
            self.enrol(&key.0, scheme, level.since.min(at));
            let held = (level.rank, level.since.min(at), level.valid_until);
            let opened =
                self.with_member(&key.0, scheme, |member, terms, figures| member.open(terms, figures, held, at));
            if let Some(moved) = opened {
                self.tell_move(&key.0, &scheme.id, moved);
            }
        }
        Ok(entry)
    }
}
