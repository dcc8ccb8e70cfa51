//! Quests, badges and streaks, and how users stand in them.

use proto::levels::v1 as pb;
use rules::Written;
use units::time::to_proto;

use super::{at, rank, text};
use crate::domain::badge::{Badge, BadgeTier, HeldBadge, rarity_sentence, share_bp};
use crate::domain::bonus::{Bonus, BonusPoints};
use crate::domain::quest::sentence::sentence;
use crate::domain::quest::standing::QuestStanding;
use crate::domain::quest::{Quest, Recurrence, Step};
use crate::domain::streak::run::Run;
use crate::domain::streak::{CheckInDay, Milestone, Streak};

use time::OffsetDateTime;

/// A tier, or how many there are: at most 10.
pub(crate) fn tier(tier: usize) -> i32 {
    i32::try_from(tier).unwrap_or(i32::MAX)
}

/// A bonus.
pub fn bonus(it: &Bonus) -> pb::Bonus {
    let points = |it: &BonusPoints| pb::BonusPoints { point_type_id: it.point_type.to_string(), points: it.points };
    pb::Bonus {
        points: it.points.iter().map(points).collect(),
        badge_id: it.badge.as_ref().map(|it| it.badge.to_string()).unwrap_or_default(),
        badge_tier: it.badge.as_ref().map_or(0, |it| tier(it.tier)),
    }
}

/// A badge.
pub fn badge(it: &Badge) -> pb::Badge {
    let tier = |it: &BadgeTier| pb::BadgeTier { display_name: text(&it.display_name), icon_url: it.icon_url.clone() };
    pb::Badge {
        badge_id: it.id.to_string(),
        display_name: text(&it.display_name),
        description: it.description.as_ref().and_then(text),
        icon_url: it.icon_url.clone(),
        tiers: it.tiers.iter().map(tier).collect(),
        hidden: it.hidden,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// How many hold a badge, of members that were counted at a time.
pub fn rarity(holders: i64, counted: Option<(i64, OffsetDateTime)>) -> pb::BadgeRarity {
    let members = counted.map_or(0, |(members, _)| members);
    pb::BadgeRarity {
        holders,
        members,
        share_bp: share_bp(holders, members),
        as_of: at(counted.map(|(_, at)| at)),
        sentence: text(&rarity_sentence(holders, members)),
    }
}

/// A badge as it stands for a user.
pub fn user_badge(it: &Badge, held: Option<&HeldBadge>, rarity: Option<pb::BadgeRarity>) -> pb::UserBadge {
    let held = held.filter(|held| held.tier > 0);
    pb::UserBadge {
        badge: Some(badge(it)),
        tier: held.map_or(0, |held| tier(held.tier)),
        award_time: held.map(|held| to_proto(held.awarded_at)),
        reason: held.map(|held| held.reason.clone()).unwrap_or_default(),
        rarity,
    }
}

fn step(it: &Step) -> pb::QuestStep {
    use pb::quest_step::Condition;
    let condition = match &it.condition {
        Written::Always => None,
        Written::Expression(text) => Some(Condition::Expression(text.clone())),
        Written::Form(rows) => Some(Condition::Form(super::form(rows))),
    };
    pb::QuestStep {
        display_name: text(&it.display_name),
        event_type: it.event_type.clone(),
        condition,
        formula: it.formula.clone(),
        target: it.target,
    }
}

/// A quest.
pub fn quest(it: &Quest) -> pb::Quest {
    let (period, period_days) = it.period.code();
    pb::Quest {
        quest_id: it.id.to_string(),
        display_name: text(&it.display_name),
        description: it.description.as_ref().and_then(text),
        steps: it.steps.iter().map(step).collect(),
        in_order: it.in_order,
        period: period.into(),
        period_days,
        zone: it.zone.name().to_owned(),
        recurrence: it.recurrence.code().into(),
        rounds_max: if let Recurrence::Completion(rounds) = it.recurrence { rounds } else { 0 },
        start: it.start.code().into(),
        valid_from: at(it.valid_from),
        valid_until: at(it.valid_until),
        scheme_id: it.scheme.as_ref().map(ToString::to_string).unwrap_or_default(),
        first_rank: rank(it.first_rank),
        last_rank: it.last_rank.map(rank),
        bonus: Some(bonus(&it.bonus)),
        reversal: it.reversal.code().into(),
        cost_centre: it.payer.cost_centre.clone(),
        funder: it.payer.funder,
        paused: it.paused,
        version: it.version,
        create_time: Some(to_proto(it.create_time)),
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// A quest as it stands for a user at a time.
pub fn quest_progress(it: &QuestStanding<'_>, now: OffsetDateTime) -> pb::QuestProgress {
    let steps = it.steps.iter();
    pb::QuestProgress {
        quest: Some(quest(it.quest)),
        state: it.state.code(),
        steps: steps
            .map(|it| pb::StepProgress {
                counted: it.counted,
                target: it.target,
                missing: it.missing(),
                waits: it.waits,
            })
            .collect(),
        completions: it.completions,
        start_time: it.window.map(|window| to_proto(window.start)),
        end_time: at(it.window.and_then(|window| window.end)),
        sentence: text(&sentence(it, now)),
        complete_time: at(it.completed_at),
    }
}

/// A streak.
pub fn streak(it: &Streak) -> pb::Streak {
    let milestone =
        |it: &Milestone| pb::Milestone { length: it.length, repeats: it.repeats, bonus: Some(bonus(&it.bonus)) };
    pb::Streak {
        streak_id: it.id.to_string(),
        display_name: text(&it.display_name),
        description: it.description.as_ref().and_then(text),
        zone: it.zone.name().to_owned(),
        forgiven_days: it.forgiven_days,
        make_ups_per_month: it.make_ups_per_month,
        make_up_days: it.make_up_days,
        milestones: it.milestones.iter().map(milestone).collect(),
        valid_from: at(it.valid_from),
        valid_until: at(it.valid_until),
        paused: it.paused,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// A run.
pub fn run(it: &Run) -> pb::StreakRun {
    pb::StreakRun {
        first_day: it.first_day.to_string(),
        last_day: it.last_day.to_string(),
        length: it.length,
        forgiven: it.forgiven,
    }
}

/// What lengths gave.
pub fn milestones(given: &[(i32, Bonus)]) -> Vec<pb::ReachedMilestone> {
    let one = |(length, it): &(i32, Bonus)| pb::ReachedMilestone { length: *length, bonus: Some(bonus(it)) };
    given.iter().map(one).collect()
}

/// A day with a check-in.
pub fn check_in_day(it: &CheckInDay) -> pb::CheckInDay {
    pb::CheckInDay {
        day: it.day.to_string(),
        made_up: it.made_up,
        check_in_time: Some(to_proto(it.at)),
        zone: it.zone.clone(),
    }
}
