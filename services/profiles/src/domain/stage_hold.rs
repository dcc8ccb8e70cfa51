//! Which stage a user was last told to be on.

use time::OffsetDateTime;
use units::zone::Zone;

use super::lifecycle::{Stage, StageModel, Standing, day, stage};
use super::user::Snapshot;

/// The stage that a user was last told to be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageHold {
    /// The stage.
    pub stage: Stage,
    /// Since when.
    pub since: OffsetDateTime,
    /// When time alone moves the user on; `None`: it never does.
    pub due_at: Option<OffsetDateTime>,
    /// Moves told so far.
    pub moves: i64,
}

/// A user went from one stage to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageMove {
    /// Number of the move among the user's, from 1.
    pub seq: i64,
    /// The stage before.
    pub from: Stage,
    /// The stage now.
    pub to: Stage,
}

impl StageHold {
    /// That of a user of whom nothing was told yet.
    pub fn new(at: OffsetDateTime) -> Self {
        Self { stage: Stage::Prospect, since: at, due_at: None, moves: 0 }
    }

    /// Follows what is known of the user now.
    pub fn follow(
        &mut self,
        model: &StageModel,
        zone: &Zone,
        user: &Snapshot,
        now: OffsetDateTime,
    ) -> Option<StageMove> {
        let to = stage(model, &Standing::of(user, zone, now), day(zone, now));
        self.due_at = next_due(model, zone, user, to);
        if to == self.stage {
            return None;
        }
        let from = std::mem::replace(&mut self.stage, to);
        self.since = now;
        self.moves += 1;
        Some(StageMove { seq: self.moves, from, to })
    }
}

/// The first instant at which time alone moves a user on from a stage: the start of the day on which a buyer has been idle
/// for long enough.
fn next_due(model: &StageModel, zone: &Zone, user: &Snapshot, stage: Stage) -> Option<OffsetDateTime> {
    let days = match stage {
        Stage::Prospect | Stage::New | Stage::Lost => return None,
        Stage::FirstOrder | Stage::Repeat | Stage::Loyal => model.dormant_after_days,
        Stage::Dormant => model.lost_after_days,
    };
    let last = user.spend.last_at.max(user.last_visit_at)?;
    Some(zone.add_days_end(last, u32::try_from(days - 1).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const BOUGHT: OffsetDateTime = datetime!(2026-01-31 15:30 UTC);

    fn buyer(orders: i64) -> Snapshot {
        let mut user = Snapshot::default();
        user.spend.orders = orders;
        user.spend.last_at = Some(BOUGHT);
        user
    }

    fn shanghai() -> Zone {
        Zone::new("Asia/Shanghai").unwrap()
    }

    #[test]
    fn a_buyer_falls_asleep_and_is_lost_at_the_start_of_the_day_in_the_tenants_zone() {
        let (model, zone) = (StageModel::default(), shanghai());
        let mut hold = StageHold::new(BOUGHT);
        let first = hold.follow(&model, &zone, &buyer(1), BOUGHT);
        assert_eq!(first, Some(StageMove { seq: 1, from: Stage::Prospect, to: Stage::FirstOrder }));
        // bought on 31 January in Shanghai; 90 days later is 1 May, which begins at 16:00 UTC of the day before
        let asleep = datetime!(2026-04-30 16:00 UTC);
        assert_eq!(hold.due_at, Some(asleep));
        assert_eq!(hold.follow(&model, &zone, &buyer(1), asleep - Duration::NANOSECOND), None);
        let second = hold.follow(&model, &zone, &buyer(1), asleep);
        assert_eq!(second, Some(StageMove { seq: 2, from: Stage::FirstOrder, to: Stage::Dormant }));
        let lost = hold.due_at.unwrap();
        let third = hold.follow(&model, &zone, &buyer(1), lost);
        assert_eq!(third, Some(StageMove { seq: 3, from: Stage::Dormant, to: Stage::Lost }));
        assert_eq!((hold.due_at, hold.since), (None, lost));
    }

    proptest! {
        #[test]
        fn before_it_is_due_time_alone_moves_nobody_and_when_it_is_due_it_does(
            orders in 0_i64..8, idle_minutes in 0_i64..400_000, registered: bool
        ) {
            let (model, zone) = (StageModel::default(), shanghai());
            let mut user = buyer(orders);
            user.registered_at = registered.then_some(BOUGHT);
            let now = BOUGHT + Duration::minutes(idle_minutes);
            let mut hold = StageHold::new(BOUGHT);
            hold.follow(&model, &zone, &user, now);
            match hold.due_at {
                Some(due) => {
                    prop_assert!(due > now);
                    prop_assert_eq!(hold.follow(&model, &zone, &user, due - Duration::SECOND), None);
                    prop_assert!(hold.follow(&model, &zone, &user, due).is_some());
                }
                None => prop_assert_eq!(hold.follow(&model, &zone, &user, now + Duration::days(4000)), None),
            }
        }
    }
}
