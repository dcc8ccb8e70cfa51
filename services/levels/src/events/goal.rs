//! What is told of quests, badges and check-ins.

use eventlog::{Draft, derive};
use ids::{EventId, Key, UserId};
use proto::levels::v1 as pb;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::badge::BadgeMove;
use crate::domain::quest::Quest;
use crate::domain::quest::progress::Turn;
use crate::domain::quest::reward::{Carried, ground};
use crate::domain::quest::window::Window;
use crate::domain::streak::CheckInDay;
use crate::wire;

/// A user started a quest.
pub fn quest_started(user: &UserId, quest: &Key, window: &Window) -> Draft {
    let start = to_proto(window.start);
    let event_id = derive(user.as_str(), &format!("quest/{quest}/{}.{}/started", start.seconds, start.nanos), 0);
    let (quest_id, end_time) = (quest.to_string(), window.end.map(to_proto));
    let payload = pb::QuestStarted { quest_id, start_time: Some(start), end_time };
    Draft::new(user.as_str(), event_id, &payload, window.start)
}

/// An event completed a quest, or took that back.
pub fn quest_turned(turn: &Turn, quest: &Quest, carried: &Carried, (cause, at): (&EventId, OffsetDateTime)) -> Draft {
    let (user, quest_id, start) = &turn.key;
    let event_id = derive(user.as_str(), &format!("{}/{cause}", ground(turn)), 0);
    let (quest_id, start_time, round) = (quest_id.to_string(), Some(to_proto(*start)), turn.round);
    if turn.completed {
        let (quest_version, bonus) = (quest.version, Some(wire::goal::bonus(&carried.bonus)));
        let payload = pb::QuestCompleted { quest_id, quest_version, start_time, round, bonus };
        return Draft::new(user.as_str(), event_id, &payload, at);
    }
    Draft::new(user.as_str(), event_id, &pb::QuestReversed { quest_id, start_time, round }, at)
}

/// The tier of a badge that a user holds changed. `cause` is the event or the request that did it.
pub fn badge_moved(it: &BadgeMove, cause: &str) -> Draft {
    let user = it.user.as_str();
    let event_id = derive(user, &format!("badge/{}/{cause}/{}", it.badge, it.tier), 0);
    let (badge_id, reason) = (it.badge.to_string(), it.reason.clone());
    let (tier, tier_before) = (wire::goal::tier(it.tier), wire::goal::tier(it.tier_before));
    if it.tier > it.tier_before {
        return Draft::new(user, event_id, &pb::BadgeAwarded { badge_id, tier, tier_before, reason }, it.at);
    }
    Draft::new(user, event_id, &pb::BadgeRevoked { badge_id, tier, tier_before, reason }, it.at)
}

/// A user checked in, or made up for a day.
pub fn checked_in(
    user: &UserId,
    streak: &Key,
    day: &CheckInDay,
    (run, milestones): (pb::StreakRun, Vec<pb::ReachedMilestone>),
) -> Draft {
    let event_id = derive(user.as_str(), &format!("streak/{streak}/{}", day.day), 0);
    let check_in = Some(wire::goal::check_in_day(day));
    let payload = pb::CheckInRecorded { streak_id: streak.to_string(), check_in, run: Some(run), milestones };
    Draft::new(user.as_str(), event_id, &payload, day.at)
}
