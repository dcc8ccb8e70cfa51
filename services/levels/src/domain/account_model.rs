//! A plain model of an account: every single point on its own, with the place where it is. It knows no lots.

use time::OffsetDateTime;

use super::expiry::Expiry;
use super::hold::HoldState;
use super::pending::Release;
use super::point_type::{PointType, ReversalPolicy};

type Date = Option<OffsetDateTime>;
/// The date of a point that was used; `Err`: it was not there and became debt.
type UsedPoint = Result<Date, ()>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Held(usize),
    Gone,
}

#[derive(Debug)]
pub(super) struct ModelHold {
    pub(super) amount: i64,
    end: OffsetDateTime,
    pub(super) state: HoldState,
    /// The points used, in the order in which they were.
    used: Vec<UsedPoint>,
    pub(super) given_back: i64,
    due_back: i64,
}

impl ModelHold {
    pub(super) fn captured(&self) -> i64 {
        self.used.len() as i64
    }
}

pub(super) struct Model {
    points: Vec<(Date, Place)>,
    /// Points that wait, each with the date that it will lapse at; for an order that is known when it is completed.
    pub(super) waiting: Vec<(Release, Date)>,
    pub(super) debt: i64,
    pub(super) claimed: i64,
    pub(super) holds: Vec<ModelHold>,
    point_type: PointType,
}

impl Model {
    /// An empty account of this type.
    pub(super) fn new(point_type: PointType) -> Self {
        Self { points: Vec::new(), waiting: Vec::new(), debt: 0, claimed: 0, holds: Vec::new(), point_type }
    }

    fn lapse_together(&self) -> bool {
        matches!(self.point_type.expiry, Expiry::Inactivity(_))
    }

    /// The user took part at a time: what lapses together lapses later.
    fn renew(&mut self, at: OffsetDateTime) {
        if !self.lapse_together() {
            return;
        }
        let free = self.points.iter().filter(|(_, place)| *place == Place::Free).map(|(date, _)| *date);
        let until = free.chain([self.point_type.lapse_of(at)]).max().flatten();
        for (date, place) in &mut self.points {
            if *place == Place::Free {
                *date = until;
            }
        }
    }

    /// The date of what can be used, where all lapses together.
    pub(super) fn common_date(&self) -> Option<Date> {
        let free = self.points.iter().find(|(_, place)| *place == Place::Free);
        free.filter(|_| self.lapse_together()).map(|(date, _)| *date)
    }

    fn count(&self, wanted: impl Fn(Place) -> bool) -> i64 {
        self.points.iter().filter(|(_, place)| wanted(*place)).count() as i64
    }

    pub(super) fn available(&self) -> i64 {
        (self.count(|place| place == Place::Free) - self.debt).max(0)
    }

    pub(super) fn held(&self) -> i64 {
        self.count(|place| matches!(place, Place::Held(_)))
    }

    fn lapse_free(&mut self, at: OffsetDateTime) {
        for (date, place) in &mut self.points {
            if *place == Place::Free && date.is_some_and(|date| date <= at) {
                *place = Place::Gone;
            }
        }
    }

    /// Time goes on: points lapse, holds time out, and what waits for a time can be used.
    pub(super) fn advance(&mut self, at: OffsetDateTime) {
        let open = |hold: &ModelHold| hold.state == HoldState::Open && hold.end <= at;
        let times = |(release, _): &(Release, Date)| match release {
            Release::At(time) if *time <= at => Some(*time),
            _ => None,
        };
        loop {
            let holds = self.holds.iter().enumerate().filter(|(_, hold)| open(hold));
            let ended = holds.map(|(n, hold)| (hold.end, n)).min();
            let released = self.waiting.iter().filter_map(times).min();
            match (ended, released) {
                (Some((end, n)), released) if released.is_none_or(|time| end <= time) => {
                    self.lapse_free(end);
                    self.holds[n].state = HoldState::Expired;
                    self.let_go(n, end);
                }
                (_, Some(time)) => {
                    self.lapse_free(time);
                    self.activate(&Release::At(time), None, time);
                }
                _ => break,
            }
        }
        self.lapse_free(at);
    }

    /// What waits for this can be used; `date` is when that of an order lapses.
    pub(super) fn activate(&mut self, release: &Release, date: Option<Date>, at: OffsetDateTime) {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (free, waiting): (Vec<_>, Vec<_>) = waiting.partition(|it| it.0 == *release);
        self.waiting = waiting;
        let any = !free.is_empty();
        for (_, known) in free {
            self.add(1, date.unwrap_or(known));
        }
        if any {
            self.renew(at);
        }
    }

    /// Points are earned that cannot be used yet.
    pub(super) fn wait(&mut self, points: i64, release: &Release, date: Date, at: OffsetDateTime) {
        self.waiting.extend((0..points).map(|_| (release.clone(), date)));
        self.renew(at);
    }

    /// The points at a place, those that lapse first first.
    fn at(&self, wanted: Place) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.points.len()).filter(|n| self.points[*n].1 == wanted).collect();
        found.sort_by_key(|n| (self.points[*n].0.is_none(), self.points[*n].0, *n));
        found
    }

    fn let_go(&mut self, hold: usize, ended: OffsetDateTime) {
        for n in self.at(Place::Held(hold)) {
            self.points[n].1 = Place::Gone;
            if self.points[n].0.is_some_and(|date| date <= ended) {
                continue;
            }
            if self.debt > 0 {
                self.debt -= 1;
            } else if self.claimed > 0 {
                self.claimed -= 1;
            } else {
                self.points[n].1 = Place::Free;
            }
        }
        self.claimed = self.claimed.min(self.held());
    }

    pub(super) fn earn(&mut self, points: i64, lapses: Date, at: OffsetDateTime) {
        self.add(points, lapses);
        self.renew(at);
    }

    /// Points with a date fill debt, then can be used.
    fn add(&mut self, points: i64, lapses: Date) {
        for _ in 0..points {
            if self.debt > 0 {
                self.debt -= 1;
            } else {
                self.points.push((lapses, Place::Free));
            }
        }
    }

    /// Moves up to so many free points; answers their dates.
    fn take(&mut self, points: i64, to: Place) -> Vec<Date> {
        let first: Vec<usize> = self.at(Place::Free).into_iter().take(points as usize).collect();
        for n in &first {
            self.points[*n].1 = to;
        }
        first.into_iter().map(|n| self.points[n].0).collect()
    }

    /// Answers what was used.
    pub(super) fn spend(&mut self, points: i64, at: OffsetDateTime) -> Vec<UsedPoint> {
        let mut used: Vec<UsedPoint> = self.take(points, Place::Gone).into_iter().map(Ok).collect();
        self.debt += points - used.len() as i64;
        used.resize(points as usize, Err(()));
        self.renew(at);
        used
    }

    /// So many points of what was used come back, after so many that did before.
    pub(super) fn come_back(&mut self, used: &[UsedPoint], (skip, count): (i64, i64), at: OffsetDateTime) {
        let fresh = self.point_type.lapse_of(at);
        let together = self.lapse_together();
        let date = |used: &UsedPoint| if together { fresh } else { used.unwrap_or(fresh) };
        let mut back: Vec<Date> = used.iter().rev().skip(skip as usize).take(count as usize).map(date).collect();
        back.sort_by_key(|date| (date.is_none(), *date));
        for date in back {
            self.add(1, date);
        }
        self.lapse_free(at);
        self.renew(at);
    }

    /// Added or taken by hand.
    pub(super) fn adjust(&mut self, points: i64, at: OffsetDateTime) {
        if points > 0 {
            self.add(points, self.point_type.lapse_of(at));
        } else {
            assert_eq!(self.take(-points, Place::Gone).len() as i64, -points);
        }
    }

    /// Points come from another user, with their dates.
    pub(super) fn receive(&mut self, dates: &[Date], at: OffsetDateTime) {
        for date in dates {
            self.add(1, *date);
        }
        self.renew(at);
    }

    /// Takes back what was earned: what waits, then what went to the lot where that is known, then as spending does.
    /// Answers what was not there to be taken.
    pub(super) fn take_back(&mut self, points: i64, release: Option<&Release>, lot: Option<Date>) -> i64 {
        let mut left = points;
        self.waiting.retain(|(it, _)| {
            let taken = left > 0 && Some(it) == release;
            left -= i64::from(taken);
            !taken
        });
        if self.point_type.reversal == ReversalPolicy::PendingOnly {
            return left;
        }
        for n in self.at(Place::Free) {
            if left > 0 && Some(self.points[n].0) == lot {
                self.points[n].1 = Place::Gone;
                left -= 1;
            }
        }
        left -= self.take(left, Place::Gone).len() as i64;
        if self.point_type.reversal == ReversalPolicy::MayGoNegative {
            self.debt += left;
        } else {
            self.claimed = (self.claimed + left).min(self.held());
        }
        left
    }

    pub(super) fn hold(&mut self, points: i64, end: OffsetDateTime) {
        let hold =
            ModelHold { amount: points, end, state: HoldState::Open, used: Vec::new(), given_back: 0, due_back: 0 };
        self.take(points, Place::Held(self.holds.len()));
        self.holds.push(hold);
    }

    pub(super) fn capture(&mut self, nth: usize, points: i64, at: OffsetDateTime) {
        for n in self.at(Place::Held(nth)).into_iter().take(points as usize) {
            self.points[n].1 = Place::Gone;
            self.holds[nth].used.push(Ok(self.points[n].0));
        }
        self.holds[nth].state = HoldState::Captured;
        self.let_go(nth, at);
        self.renew(at);
        self.give_back_due(nth, at);
    }

    pub(super) fn release(&mut self, nth: usize, at: OffsetDateTime) {
        self.holds[nth].state = HoldState::Released;
        self.let_go(nth, at);
    }

    pub(super) fn capture_late(&mut self, nth: usize, points: i64, at: OffsetDateTime) {
        let mut used: Vec<UsedPoint> = self.take(points, Place::Gone).into_iter().map(Ok).collect();
        if self.point_type.reversal == ReversalPolicy::MayGoNegative {
            self.debt += points - used.len() as i64;
            used.resize(points as usize, Err(()));
        }
        if !used.is_empty() {
            self.renew(at);
        }
        (self.holds[nth].used, self.holds[nth].state) = (used, HoldState::Captured);
        self.give_back_due(nth, at);
    }

    pub(super) fn give_back(&mut self, nth: usize, total: i64, at: OffsetDateTime) {
        self.holds[nth].due_back = self.holds[nth].due_back.max(total);
        self.give_back_due(nth, at);
    }

    fn give_back_due(&mut self, nth: usize, at: OffsetDateTime) {
        let hold = &mut self.holds[nth];
        let until = hold.due_back.min(hold.captured());
        if hold.state != HoldState::Captured || until <= hold.given_back {
            return;
        }
        let (used, part) = (hold.used.clone(), (hold.given_back, until - hold.given_back));
        hold.given_back = until;
        self.come_back(&used, part, at);
    }
}
