//! Points that were earned and cannot be used yet.

use ids::UserId;
use time::OffsetDateTime;

/// What pending points wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// A time: the first instant at which they can be used.
    At(OffsetDateTime),
    /// The completion of this order.
    Order(String),
}

/// Where earned points went: to a lot at once, or first to what is pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// What they wait for; `None`: nothing.
    pub release: Option<Release>,
    /// When the lot lapses that they go to in the end; `None`: never. What waits for an order goes to a lot that follows
    /// from its completion and is not known before.
    pub expires_at: Option<OffsetDateTime>,
    /// Whose lot.
    pub origin: UserId,
}

/// Pending points with one release and one origin. Inside it they are fungible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingLot {
    /// What they wait for.
    pub release: Release,
    /// The user who earned them: another one than the account's after users were merged.
    pub origin: UserId,
    /// How many, above 0.
    pub points: i64,
}

/// What is pending in an account: soonest time first, then by order, then by origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending(Vec<PendingLot>);

impl Pending {
    /// Puts what was stored in order.
    pub fn new(mut lots: Vec<PendingLot>) -> Self {
        lots.sort_by(|a, b| (&a.release, &a.origin).cmp(&(&b.release, &b.origin)));
        Self(lots)
    }

    /// All of it, in order.
    pub fn iter(&self) -> impl Iterator<Item = &PendingLot> {
        self.0.iter()
    }

    /// How many points there are.
    pub fn sum(&self) -> i64 {
        self.0.iter().map(|lot| lot.points).sum()
    }

    /// The first time that some of it waits for.
    pub fn next_release(&self) -> Option<OffsetDateTime> {
        match self.0.first()?.release {
            Release::At(time) => Some(time),
            Release::Order(_) => None,
        }
    }

    /// The points, by what they wait for.
    pub fn by_release(&self) -> Vec<(Release, i64)> {
        let same = |a: &PendingLot, b: &PendingLot| a.release == b.release;
        let sum = |lots: &[PendingLot]| (lots[0].release.clone(), lots.iter().map(|lot| lot.points).sum());
        self.0.chunk_by(same).map(sum).collect()
    }

    /// Adds points that wait for something.
    pub fn add(&mut self, release: &Release, origin: &UserId, points: i64) {
        match self.0.binary_search_by(|lot| (&lot.release, &lot.origin).cmp(&(release, origin))) {
            Ok(index) => self.0[index].points += points,
            Err(index) => {
                self.0.insert(index, PendingLot { release: release.clone(), origin: origin.clone(), points });
            }
        }
    }

    /// Takes all that waits for this.
    pub fn take(&mut self, release: &Release) -> Vec<PendingLot> {
        self.0.extract_if(.., |lot| lot.release == *release).collect()
    }

    /// Takes up to `points`, those that wait for the soonest time first; answers how many.
    pub fn take_first(&mut self, points: i64) -> i64 {
        let mut left = points;
        for lot in &mut self.0 {
            let taken = left.min(lot.points);
            lot.points -= taken;
            left -= taken;
        }
        self.0.retain(|lot| lot.points > 0);
        points - left
    }

    /// Takes up to `points` of an origin that wait for this; answers how many.
    pub fn take_from(&mut self, release: &Release, origin: &UserId, points: i64) -> i64 {
        let found = self.0.iter().position(|lot| lot.release == *release && lot.origin == *origin);
        let Some(index) = found else { return 0 };
        let taken = points.min(self.0[index].points);
        self.0[index].points -= taken;
        if self.0[index].points == 0 {
            self.0.remove(index);
        }
        taken
    }
}
