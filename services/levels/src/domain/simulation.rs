//! What a scheme, changed or new, would do to the users of today.

use std::collections::BTreeMap;

use ids::UserId;
use time::OffsetDateTime;

use super::benefit::Benefit;
use super::book::{AccountKey, Book, Programme};
use super::member::{Member, Shift, Terms};
use super::scheme::Scheme;

/// Ranks of a user: as held, as held with the next entry, and after a review by what counts today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Course {
    /// As held.
    pub now: usize,
    /// With the next entry.
    pub soon: usize,
    /// After a review.
    pub reviewed: usize,
}

/// A user who would move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastMove {
    /// The user.
    pub user: UserId,
    /// From where to where.
    pub course: Course,
    /// What counts today, measure by measure.
    pub counts: Vec<i64>,
}

/// Something at each of the three moments of a course.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forecast<T> {
    /// As it is.
    pub now: T,
    /// With the next entries.
    pub soon: T,
    /// After all reviews.
    pub reviewed: T,
}

impl<T> Forecast<T> {
    fn of(mut at: impl FnMut(fn(&Course) -> usize) -> T) -> Self {
        Self { now: at(|it| it.now), soon: at(|it| it.soon), reviewed: at(|it| it.reviewed) }
    }
}

/// A scheme and the users that were looked at.
#[derive(Debug)]
pub struct Simulation<'a> {
    draft: Terms<'a>,
    moves_max: usize,
    courses: BTreeMap<Course, i64>,
    moves: Vec<ForecastMove>,
}

impl<'a> Simulation<'a> {
    /// Of a scheme; so many of those who would move are named.
    pub fn new(draft: Terms<'a>, moves_max: usize) -> Self {
        Self { draft, moves_max, courses: BTreeMap::new(), moves: Vec::new() }
    }

    /// Looks at a user, by the book of the present with all that fell due.
    pub fn look(&mut self, user: &UserId, book: &Book<'_>, at: OffsetDateTime) {
        let (scheme, highest) = (self.draft.scheme, self.draft.scheme.highest());
        let (member, figures) = book.standing(user, scheme);
        let now = member.map_or(0, |member| member.rank).min(highest);
        let mut after = member.cloned().unwrap_or_else(|| Member::enrol(self.draft, at));
        after.follow(self.draft, &figures, Shift::Scheme, (at, at));
        let reviewed = after.reviewed(self.draft, &figures);
        let course = Course { now, soon: after.rank.min(highest), reviewed: reviewed.min(highest) };
        *self.courses.entry(course).or_default() += 1;
        let moves = course.soon != course.now || course.reviewed != course.now;
        if moves && self.moves.len() < self.moves_max {
            let counts = scheme.counts(&figures, &after.earned.bases);
            self.moves.push(ForecastMove { user: user.clone(), course, counts });
        }
    }

    /// How many users were looked at.
    pub fn users(&self) -> i64 {
        self.courses.values().sum()
    }

    /// Those who would move, as many as were to be named.
    pub fn moves(&self) -> &[ForecastMove] {
        &self.moves
    }

    /// How many would move.
    pub fn moves_total(&self) -> i64 {
        let moving = self.courses.iter().filter(|(it, _)| it.soon != it.now || it.reviewed != it.now);
        moving.map(|(_, users)| users).sum()
    }

    /// Users on a level.
    pub fn on(&self, rank: usize) -> Forecast<i64> {
        Forecast::of(|at| self.courses.iter().filter(|(it, _)| at(it) == rank).map(|(_, users)| users).sum())
    }

    /// What a benefit would cost per period if all quotas were used; `None`: somebody has it without limit.
    pub fn cost(&self, benefit: &Benefit) -> Forecast<Option<i64>> {
        Forecast::of(|at| {
            let costs = self.courses.iter().filter_map(|(course, users)| {
                let range = benefit.at_rank(at(course))?;
                let quota = range.quota.filter(|_| benefit.period.is_some());
                Some(quota.map(|quota| users.saturating_mul(quota).saturating_mul(benefit.cost_minor)))
            });
            costs.sum()
        })
    }
}

/// The benefits of a scheme that cost something at a time.
pub fn costing<'a>(
    programme: &'a Programme,
    scheme: &'a Scheme,
    at: OffsetDateTime,
) -> impl Iterator<Item = &'a Benefit> {
    let of_scheme = programme.benefits.values().filter(|it| it.scheme.as_ref() == Some(&scheme.id));
    of_scheme.filter(move |it| it.cost_minor > 0 && it.in_force(at))
}

/// The accounts that guard a user in the scheme and in the published one of its id.
pub fn guards(programme: &Programme, draft: &Scheme, user: &UserId) -> Vec<AccountKey> {
    let published = programme.schemes.get(&draft.id).map(Scheme::guard);
    let mut guards: Vec<AccountKey> =
        published.into_iter().chain([draft.guard()]).map(|id| (user.clone(), id.clone())).collect();
    guards.dedup();
    guards
}
