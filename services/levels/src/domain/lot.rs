//! Points with one expiry and one origin.

use ids::UserId;
use time::OffsetDateTime;

/// Points of an account with one expiry and one origin. Inside a lot they are fungible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The first instant at which they can no longer be used; `None`: never.
    pub expires_at: Option<OffsetDateTime>,
    /// The user who earned them: another one than the account's after users were merged.
    pub origin: UserId,
    /// How many, above 0.
    pub points: i64,
}

/// The change of one lot's remainder. Debt counts as a lot that never lapses and is below zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotChange {
    /// When the lot lapses; `None`: never.
    pub expires_at: Option<OffsetDateTime>,
    /// Whose points they are.
    pub origin: UserId,
    /// Positive: the lot grows.
    pub points: i64,
}

/// The lots of an account: soonest expiry first, never-expiring last, then by origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lots(Vec<Lot>);

/// `None`, which is never, sorts after all times.
fn key(expires_at: Option<OffsetDateTime>, origin: &UserId) -> (bool, Option<OffsetDateTime>, &UserId) {
    (expires_at.is_none(), expires_at, origin)
}

impl Lots {
    /// Puts stored lots in order.
    pub fn new(mut lots: Vec<Lot>) -> Self {
        lots.sort_by(|a, b| key(a.expires_at, &a.origin).cmp(&key(b.expires_at, &b.origin)));
        Self(lots)
    }

    /// The lots in order.
    pub fn iter(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    /// How many lots there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All points, lapsed or not.
    pub fn sum(&self) -> i64 {
        self.0.iter().map(|lot| lot.points).sum()
    }

    /// The points that have not lapsed at a time.
    pub fn available(&self, at: OffsetDateTime) -> i64 {
        self.0.iter().filter(|lot| lot.expires_at.is_none_or(|expires_at| expires_at > at)).map(|lot| lot.points).sum()
    }

    /// When the next lot lapses.
    pub fn next_expiry(&self) -> Option<OffsetDateTime> {
        self.0.first().and_then(|lot| lot.expires_at)
    }

    /// What lapses after a time, added up per date, soonest first.
    pub fn expiring(&self, at: OffsetDateTime) -> Vec<(OffsetDateTime, i64)> {
        let mut dates: Vec<(OffsetDateTime, i64)> = Vec::new();
        for lot in &self.0 {
            match (lot.expires_at, dates.last_mut()) {
                (Some(date), _) if date <= at => {}
                (Some(date), Some((last, points))) if *last == date => *points += lot.points,
                (Some(date), _) => dates.push((date, lot.points)),
                (None, _) => {}
            }
        }
        dates
    }

    /// Adds points to the lot of this expiry and origin.
    pub fn add(&mut self, expires_at: Option<OffsetDateTime>, origin: &UserId, points: i64) -> LotChange {
        let at = self.0.binary_search_by(|lot| key(lot.expires_at, &lot.origin).cmp(&key(expires_at, origin)));
        match at {
            Ok(index) => self.0[index].points += points,
            Err(index) => self.0.insert(index, Lot { expires_at, origin: origin.clone(), points }),
        }
        LotChange { expires_at, origin: origin.clone(), points }
    }

    /// Takes up to `points`, soonest expiry first.
    pub fn take(&mut self, points: i64) -> Vec<LotChange> {
        let mut left = points;
        let mut changes = Vec::new();
        for lot in &mut self.0 {
            let taken = left.min(lot.points);
            if taken == 0 {
                break;
            }
            lot.points -= taken;
            left -= taken;
            changes.push(LotChange { expires_at: lot.expires_at, origin: lot.origin.clone(), points: -taken });
        }
        self.0.retain(|lot| lot.points > 0);
        changes
    }

    /// Moves lots with an earlier date on to a date.
    pub fn move_on(&mut self, date: OffsetDateTime) -> Vec<LotChange> {
        let earlier: Vec<Lot> = self.0.extract_if(.., |lot| lot.expires_at.is_some_and(|it| it < date)).collect();
        let mut changes = Vec::with_capacity(earlier.len() * 2);
        for Lot { expires_at, origin, points } in earlier {
            changes.push(self.add(Some(date), &origin, points));
            changes.push(LotChange { expires_at, origin, points: -points });
        }
        changes
    }

    /// Takes up to `points` from the lot of this expiry and origin.
    pub fn take_from(&mut self, expires_at: Option<OffsetDateTime>, origin: &UserId, points: i64) -> Option<LotChange> {
        let index = self.0.iter().position(|lot| lot.expires_at == expires_at && lot.origin == *origin)?;
        let taken = points.min(self.0[index].points);
        self.0[index].points -= taken;
        if self.0[index].points == 0 {
            self.0.remove(index);
        }
        (taken > 0).then(|| LotChange { expires_at, origin: origin.clone(), points: -taken })
    }

    /// Takes up to `points` of the lots that lapse at this time, of whatever origin.
    pub fn take_at(&mut self, expires_at: Option<OffsetDateTime>, points: i64) -> Vec<LotChange> {
        let mut left = points;
        let mut changes = Vec::new();
        for lot in self.0.iter_mut().filter(|lot| lot.expires_at == expires_at) {
            let taken = left.min(lot.points);
            if taken > 0 {
                lot.points -= taken;
                left -= taken;
                changes.push(LotChange { expires_at, origin: lot.origin.clone(), points: -taken });
            }
        }
        self.0.retain(|lot| lot.points > 0);
        changes
    }

    /// Takes all lots that lapse at the next expiry.
    pub fn take_next_expiry(&mut self) -> Vec<LotChange> {
        let Some(date) = self.next_expiry() else { return Vec::new() };
        let count = self.0.iter().take_while(|lot| lot.expires_at == Some(date)).count();
        let lapsed = self.0.drain(..count);
        lapsed.map(|lot| LotChange { expires_at: lot.expires_at, origin: lot.origin, points: -lot.points }).collect()
    }
}
