//! Points set aside until a purchase is settled.

use ids::{EventId, Key, UserId};
use time::{Duration, OffsetDateTime};

use super::account::{Account, Occasion};
use super::entry::{Entry, EntryKind, Origin};
use super::lot::{Lot, LotChange};
use super::point_type::ReversalPolicy;
use super::refusal::Refusal;
use super::used::{Fresh, Used};

/// Open holds that an account may have.
pub const HOLDS_MAX: usize = 100;
/// The longest that a hold may last.
pub const TTL_MAX: Duration = Duration::days(30);

/// How far a hold has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// Its points are kept.
    Open,
    /// Its points, or a part of them, were used.
    Captured,
    /// Its points were let go.
    Released,
    /// Its time was up.
    Expired,
}

impl HoldState {
    /// The contract's number.
    pub fn code(self) -> i16 {
        match self {
            HoldState::Open => 1,
            HoldState::Captured => 2,
            HoldState::Released => 3,
            HoldState::Expired => 4,
        }
    }

    /// The state of a number.
    pub fn from_code(code: i16) -> Option<Self> {
        [Self::Open, Self::Captured, Self::Released, Self::Expired].into_iter().find(|state| state.code() == code)
    }
}

/// Points set aside. While it is open its lots are kept apart from those of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Made from the request that opened it.
    pub id: EventId,
    /// What is held.
    pub point_type: Key,
    /// How much was set aside.
    pub amount: i64,
    /// How far it has come.
    pub state: HoldState,
    /// What is kept while it is open; what was used once it is captured; soonest expiry first. A late capture may have
    /// used more than lots: see [`Hold::captured_as_debt`].
    pub lots: Vec<Lot>,
    /// How much was used.
    pub captured: i64,
    /// How much of that was given back.
    pub given_back: i64,
    /// How much of it is to be given back as far as is known. It may be known before the hold is captured.
    pub due_back: i64,
    /// Captured after it had been resolved.
    pub late: bool,
    /// The order and the reason.
    pub origin: Origin,
    /// When it was opened.
    pub opened_at: OffsetDateTime,
    /// The first instant at which it has timed out.
    pub expires_at: OffsetDateTime,
    /// When it was resolved.
    pub resolved_at: Option<OffsetDateTime>,
    /// When it ended first: a late capture resolves it again after that.
    pub ended_at: Option<OffsetDateTime>,
}

/// What a late capture took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// The entry, unless there was nothing to take.
    pub entry: Option<Entry>,
    /// What was taken although it was not there.
    pub debt: i64,
    /// What was not there and is not taken.
    pub shortfall: i64,
}

impl Hold {
    /// The part of what was captured that was not there and became debt.
    pub fn captured_as_debt(&self) -> i64 {
        match self.state {
            HoldState::Captured => self.captured - points_of(&self.lots),
            HoldState::Open | HoldState::Released | HoldState::Expired => 0,
        }
    }

    /// Whether it is open and has timed out by `at`.
    pub fn timed_out(&self, at: OffsetDateTime) -> bool {
        self.state == HoldState::Open && self.expires_at <= at
    }

    /// As a reader sees it at a time: timed out from that instant on, whether or not it was booked.
    #[must_use]
    pub fn seen_at(mut self, at: OffsetDateTime) -> Self {
        if self.timed_out(at) {
            self.resolve(HoldState::Expired, self.expires_at);
            self.lots.clear();
        }
        self
    }

    /// The refusal to resolve it, where it is resolved.
    pub fn refuse_resolved(&self) -> Result<(), Refusal> {
        let hold_id = self.id.to_string();
        match self.state {
            HoldState::Open => Ok(()),
            HoldState::Captured => Err(Refusal::HoldCaptured { hold_id }),
            HoldState::Released => Err(Refusal::HoldReleased { hold_id }),
            HoldState::Expired => Err(Refusal::HoldExpired { hold_id }),
        }
    }

    /// The refusal to give back of it, where it was not captured.
    pub fn refuse_not_captured(&self) -> Result<(), Refusal> {
        match self.state {
            HoldState::Open => Err(Refusal::HoldOpen { hold_id: self.id.to_string() }),
            HoldState::Captured => Ok(()),
            HoldState::Released | HoldState::Expired => self.refuse_resolved(),
        }
    }

    fn resolve(&mut self, state: HoldState, at: OffsetDateTime) {
        (self.state, self.resolved_at) = (state, Some(at));
        self.ended_at.get_or_insert(at);
    }

    /// Where an entry about it comes from: what the call says, else what the hold says.
    fn origin(&self, said: Origin) -> Origin {
        let or = |said: String, held: &String| if said.is_empty() { held.clone() } else { said };
        Origin {
            reason: or(said.reason, &self.origin.reason),
            order_id: or(said.order_id, &self.origin.order_id),
            hold_id: self.id.to_string(),
            ..said
        }
    }

    /// What was used of it, as far as it was not given back.
    fn used(&self) -> Used<'_> {
        Used { lots: &self.lots, debt: self.captured_as_debt(), given_back: self.given_back }
    }
}

/// How many points lots have.
pub fn points_of(lots: &[Lot]) -> i64 {
    lots.iter().map(|lot| lot.points).sum()
}

/// The first `points` of the lots, and the rest.
pub(super) fn split(lots: Vec<Lot>, points: i64) -> (Vec<Lot>, Vec<Lot>) {
    let mut left = points;
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for lot in lots {
        let taken = left.min(lot.points);
        left -= taken;
        if taken > 0 {
            first.push(Lot { points: taken, ..lot.clone() });
        }
        if taken < lot.points {
            rest.push(Lot { points: lot.points - taken, ..lot });
        }
    }
    (first, rest)
}

fn taken(lots: &[Lot]) -> Vec<LotChange> {
    let change = |lot: &Lot| LotChange { expires_at: lot.expires_at, origin: lot.origin.clone(), points: -lot.points };
    lots.iter().map(change).collect()
}

pub(super) fn lots_of(changes: Vec<LotChange>) -> Vec<Lot> {
    let lot = |change: LotChange| Lot { expires_at: change.expires_at, origin: change.origin, points: -change.points };
    changes.into_iter().map(lot).collect()
}

/// What is done with holds. Lapsed lots and holds that timed out must be booked before.
impl Account {
    /// Sets points aside, those that lapse first first.
    pub fn hold(
        &mut self,
        (id, point_type): (EventId, Key),
        points: i64,
        ttl: Duration,
        origin: Origin,
        at: OffsetDateTime,
    ) -> Result<Hold, Refusal> {
        let available = self.available(at);
        if points > available {
            return Err(Refusal::BalanceShort { available, amount: points });
        }
        let lots = lots_of(self.lots.take(points));
        self.held += points;
        self.decided_at = Some(at);
        Ok(Hold {
            id,
            point_type,
            amount: points,
            state: HoldState::Open,
            lots,
            captured: 0,
            given_back: 0,
            due_back: 0,
            late: false,
            origin,
            opened_at: at,
            expires_at: at + ttl,
            resolved_at: None,
            ended_at: None,
        })
    }

    /// Uses points of an open hold, those that lapse first first; the rest comes free. The first entry is the spending.
    pub fn capture(
        &mut self,
        user: &UserId,
        hold: &mut Hold,
        points: i64,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Vec<Entry> {
        let (used, rest) = split(std::mem::take(&mut hold.lots), points);
        self.held -= points;
        let occasion = Occasion { origin: hold.origin(occasion.origin), ..occasion };
        let mut entries = vec![self.post(EntryKind::Spend, taken(&used).into(), occasion, at)];
        (hold.lots, hold.captured) = (used, points);
        hold.resolve(HoldState::Captured, at);
        entries.extend(self.free(user, hold, rest, at, at));
        entries
    }

    /// Lets the points of an open hold go: at `at` where it is released, at its own end where it timed out.
    pub fn let_go(&mut self, user: &UserId, hold: &mut Hold, state: HoldState, at: OffsetDateTime) -> Vec<Entry> {
        let ended_at = if state == HoldState::Expired { hold.expires_at } else { at };
        let rest = std::mem::take(&mut hold.lots);
        hold.resolve(state, ended_at);
        self.free(user, hold, rest, ended_at, at)
    }

    /// Takes what a hold that was let go stood for all the same, as spending does; what is missing becomes debt where the
    /// policy allows.
    pub fn capture_late(
        &mut self,
        user: &UserId,
        hold: &mut Hold,
        points: i64,
        policy: ReversalPolicy,
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Late {
        let mut changes = self.lots.take(points);
        hold.lots = lots_of(changes.clone());
        let missing = points - points_of(&hold.lots);
        let debt = if policy == ReversalPolicy::MayGoNegative { missing } else { 0 };
        if debt > 0 {
            self.debt += debt;
            changes.push(LotChange { expires_at: None, origin: user.clone(), points: -debt });
        }
        (hold.captured, hold.late) = (points - missing + debt, true);
        hold.resolve(HoldState::Captured, at);
        let occasion = Occasion { origin: hold.origin(occasion.origin), ..occasion };
        let entry = (hold.captured > 0).then(|| self.post(EntryKind::Spend, changes.into(), occasion, at));
        Late { entry, debt, shortfall: missing - debt }
    }

    /// Gives captured points back until `total` are, never more than were captured. The first entry is the return; none:
    /// nothing was to be given back.
    pub fn give_back(
        &mut self,
        user: &UserId,
        hold: &mut Hold,
        (total, fresh): (i64, Fresh),
        occasion: Occasion,
        at: OffsetDateTime,
    ) -> Result<Vec<Entry>, Refusal> {
        let points = total.min(hold.captured) - hold.given_back;
        if points <= 0 {
            return Ok(Vec::new());
        }
        let back = hold.used().coming_back(points, user, fresh);
        let occasion = Occasion { origin: hold.origin(occasion.origin), ..occasion };
        let entries = self.put_back(user, back, occasion, at)?;
        hold.given_back += points;
        Ok(entries)
    }

    /// Lots come free of a hold that ended. Those whose date had come by then lapse; the others fill debt, then make up
    /// for reversals that found too little, and what is left can be used again.
    fn free(
        &mut self,
        user: &UserId,
        hold: &Hold,
        lots: Vec<Lot>,
        ended_at: OffsetDateTime,
        at: OffsetDateTime,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        let (gone, live): (Vec<Lot>, Vec<Lot>) =
            lots.into_iter().partition(|lot| lot.expires_at.is_some_and(|date| date <= ended_at));
        let (filling, live) = split(live, self.debt);
        if !filling.is_empty() {
            let filled = points_of(&filling);
            self.held -= filled;
            self.debt -= filled;
            let mut changes = taken(&filling);
            changes.push(LotChange { expires_at: None, origin: user.clone(), points: filled });
            entries.push(self.post(EntryKind::DebtFilled, changes.into(), Self::ended(hold, ended_at), at));
        }
        let (reversed, live) = split(live, self.claimed);
        if !reversed.is_empty() {
            self.held -= points_of(&reversed);
            self.claimed -= points_of(&reversed);
            entries.push(self.post(EntryKind::Reverse, taken(&reversed).into(), Self::ended(hold, ended_at), at));
        }
        for lot in &live {
            self.held -= lot.points;
            self.lots.add(lot.expires_at, &lot.origin, lot.points);
        }
        if !gone.is_empty() {
            self.held -= points_of(&gone);
            entries.push(self.post(EntryKind::Expire, taken(&gone).into(), Self::ended(hold, ended_at), at));
        }
        // what holds no longer keep cannot come free of them: so much of the reversals is forgiven
        self.claimed = self.claimed.min(self.held);
        self.decided_at = Some(at);
        entries
    }

    fn ended(hold: &Hold, ended_at: OffsetDateTime) -> Occasion {
        Occasion { occurred_at: Some(ended_at), origin: hold.origin(Origin::default()) }
    }
}
