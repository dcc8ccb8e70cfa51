//! Within which periods quests count.

use time::OffsetDateTime;

use super::{Quest, QuestPeriod, QuestStart, Recurrence};

/// A period of a quest: from its first instant to before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When it begins.
    pub start: OffsetDateTime,
    /// When it ends; `None`: never.
    pub end: Option<OffsetDateTime>,
}

impl Window {
    /// Whether a time lies in it.
    pub fn holds(&self, at: OffsetDateTime) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// The periods that a user has begun, as far as a time asks for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Begun {
    /// The last one that began by then.
    pub latest: Option<Window>,
    /// The last one there is.
    pub newest: Option<Window>,
}

impl Quest {
    /// The period that something counts in that happens at a time; `None`: in none.
    pub fn window_at(&self, at: OffsetDateTime, begun: &Begun) -> Option<Window> {
        if !self.is_valid(at) {
            return None;
        }
        let begun_one = begun.latest.filter(|window| window.holds(at));
        let window = match (self.start, self.period) {
            (QuestStart::ByUser, _) => begun_one?,
            (QuestStart::Automatic, QuestPeriod::Days(days)) => {
                begun_one.or_else(|| self.next_days(at, days, begun))?
            }
            _ => self.fixed_window(at)?,
        };
        let only = self.recurrence == Recurrence::None;
        let other = begun.newest.is_some_and(|newest| newest.start != window.start);
        (!only || !other).then_some(window)
    }

    /// The period that begins with a user's start.
    pub fn window_from(&self, at: OffsetDateTime) -> Window {
        let end = match self.period {
            QuestPeriod::Ever => None,
            QuestPeriod::Day => Some(self.zone.day_end(at)),
            QuestPeriod::Week => Some(self.zone.week_end(at)),
            QuestPeriod::Month => Some(self.zone.month_end(at)),
            QuestPeriod::Days(days) => Some(self.zone.add_days_end(at, days - 1)),
        };
        self.within_validity(Window { start: at, end })
    }

    /// The period of the calendar, or of the schedule.
    fn fixed_window(&self, at: OffsetDateTime) -> Option<Window> {
        let zone = &self.zone;
        let of = |start, end| Window { start, end: Some(end) };
        let window = match self.period {
            QuestPeriod::Ever => Window { start: OffsetDateTime::UNIX_EPOCH, end: None },
            QuestPeriod::Day => of(zone.day_start(at), zone.day_end(at)),
            QuestPeriod::Week => of(zone.week_start(at), zone.week_end(at)),
            QuestPeriod::Month => of(zone.month_start(at), zone.month_end(at)),
            QuestPeriod::Days(days) => self.scheduled_days(at, days)?,
        };
        Some(self.within_validity(window))
    }

    /// The stretch of days, counted from the schedule's start.
    fn scheduled_days(&self, at: OffsetDateTime, days: u32) -> Option<Window> {
        let from = self.valid_from?;
        let boundary = |n: u32| if n == 0 { from } else { self.zone.add_days_end(from, n * days - 1) };
        // a day is up to an hour longer or shorter, so the first guess is at most one off
        let guess = u32::try_from((at - from).whole_days()).ok()? / days;
        let window = |n: u32| Window { start: boundary(n), end: Some(boundary(n + 1)) };
        (guess.saturating_sub(1)..=guess + 1).map(window).find(|window| window.holds(at))
    }

    /// The stretch of days that an event begins: none while a later one has begun, and none of its own twice.
    fn next_days(&self, at: OffsetDateTime, days: u32, begun: &Begun) -> Option<Window> {
        let earliest = match begun.newest {
            None => None,
            Some(Window { end: Some(end), .. }) if end <= at => Some(end),
            Some(_) => return None,
        };
        let day = self.zone.day_start(at);
        let start = earliest.map_or(day, |earliest| day.max(earliest));
        Some(self.within_validity(Window { start, end: Some(self.zone.add_days_end(at, days - 1)) }))
    }

    fn within_validity(&self, window: Window) -> Window {
        let start = self.valid_from.map_or(window.start, |from| window.start.max(from));
        let end = [window.end, self.valid_until].into_iter().flatten().min();
        Window { start, end }
    }
}
