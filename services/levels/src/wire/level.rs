//! Schemes, levels and members as messages.

use proto::levels::v1 as pb;
use units::time::to_proto;

use super::{at, rank, text};
use crate::domain::benefit::Benefit;
use crate::domain::expiry::Stretch;
use crate::domain::explain_level::Reason;
use crate::domain::level_act::LevelAct;
use crate::domain::member::{LevelGrant, LevelLock, LevelMove, Member};
use crate::domain::scheme::level::{Level, LevelTask};
use crate::domain::scheme::policy::Validity;
use crate::domain::scheme::{Figures, Measure, Scheme};
use crate::domain::simulation::{Forecast, ForecastMove, Simulation};

/// A scheme.
pub fn scheme(it: &Scheme) -> pb::Scheme {
    let rounding = it.validity.and_then(|validity| validity.rounding);
    pb::Scheme {
        scheme_id: it.id.to_string(),
        display_name: text(&it.display_name),
        point_type_id: it.guard().to_string(),
        basis: it.measures[0].basis.code().into(),
        further_measures: it.measures[1..].iter().map(measure).collect(),
        any_measure: it.any,
        levels: (0..it.levels.len()).filter_map(|rank| level(it, rank)).collect(),
        validity_months: it.validity.map_or(0, |validity| days(validity.months)),
        validity_rounding: rounding.map_or(0, Stretch::code).into(),
        period_end: it.validity.map_or(0, |Validity { end, .. }| end.code().into()),
        upgrade_policy: it.policy.upgrade.code().into(),
        downgrade_policy: it.policy.downgrade.code().into(),
        one_step_down: it.policy.one_step,
        grace_days: days(it.policy.grace_days),
        protection_days: days(it.policy.protection_days),
        review_delay_days: days(it.policy.review_delay_days),
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

fn days(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn measure(it: &Measure) -> pb::Measure {
    pb::Measure { point_type_id: it.point_type.to_string(), basis: it.basis.code().into() }
}

/// The level of a rank; `None` where the scheme has none.
pub fn level(scheme: &Scheme, of: usize) -> Option<pb::Level> {
    let Level { display_name, threshold, further_thresholds, by_invitation, purpose, target_metric, guide, tasks } =
        scheme.levels.get(of)?;
    let task = |LevelTask { task_id, title, link }: &LevelTask| pb::LevelTask {
        task_id: task_id.clone(),
        title: text(title),
        link: link.clone(),
    };
    Some(pb::Level {
        rank: rank(of),
        display_name: text(display_name),
        threshold: *threshold,
        further_thresholds: further_thresholds.clone(),
        by_invitation: *by_invitation,
        purpose: *purpose,
        target_metric: target_metric.clone(),
        guide: guide.as_ref().and_then(text),
        tasks: tasks.iter().map(task).collect(),
    })
}

/// A standing; `None`: a user never seen.
pub fn member(scheme: &Scheme, member: Option<&Member>, figures: &[Figures]) -> pb::Member {
    let earned = member.map(|member| &member.earned);
    let counts = scheme.counts(figures, earned.map_or(&[], |earned| &earned.bases));
    let held = member.map_or(0, |member| member.rank).min(scheme.highest());
    let earned_rank = earned.map_or(0, |earned| earned.rank).min(scheme.highest());
    let next = scheme.next_earned(held);
    let to_reach = next.map_or_else(Vec::new, |next| progress(scheme, &counts, next));
    let mut grants: Vec<&LevelGrant> = member.iter().flat_map(|member| &member.grants).collect();
    grants.sort_by_key(|it| it.from);
    pb::Member {
        level: level(scheme, held),
        since: member.map(|member| to_proto(member.since)),
        valid_until: at(member.and_then(Member::valid_until)),
        growth: counts[0],
        next_level: next.and_then(|next| level(scheme, next)),
        missing: to_reach.first().map_or(0, |it| it.missing),
        earned_rank: rank(earned_rank),
        review_time: at(earned.and_then(|earned| earned.review_at)),
        fall_time: at(earned.and_then(|earned| earned.fall).map(|fall| fall.at)),
        to_reach,
        to_keep: if earned_rank == 0 { Vec::new() } else { progress(scheme, &counts, earned_rank) },
        grants: grants.into_iter().map(grant).collect(),
        lock: member.and_then(|member| member.lock.as_ref()).map(lock),
    }
}

fn progress(scheme: &Scheme, counts: &[i64], to: usize) -> Vec<pb::MeasureProgress> {
    let of = |(n, it): (usize, &Measure)| {
        let (count, threshold) = (counts[n], scheme.threshold(to, n));
        pb::MeasureProgress { measure: Some(measure(it)), count, threshold, missing: (threshold - count).max(0) }
    };
    scheme.measures.iter().enumerate().map(of).collect()
}

/// A grant.
pub fn grant(it: &LevelGrant) -> pb::LevelGrant {
    pb::LevelGrant {
        grant_id: it.id.to_string(),
        kind: it.kind.code().into(),
        rank: rank(it.rank),
        from_time: Some(to_proto(it.from)),
        until_time: at(it.until),
        started: it.started,
    }
}

/// A lock.
pub fn lock(it: &LevelLock) -> pb::LevelLock {
    pb::LevelLock { rank: rank(it.rank), until_time: at(it.until) }
}

/// What a scheme would do.
pub fn simulation<'a>(
    it: &Simulation<'_>,
    scheme: &Scheme,
    benefits: impl Iterator<Item = &'a Benefit>,
) -> pb::SimulateSchemeResponse {
    let on = |of: usize| {
        let Forecast { now, soon, reviewed } = it.on(of);
        pb::LevelForecast { level: level(scheme, of), users_now: now, users_soon: soon, users_reviewed: reviewed }
    };
    let moved = |it: &ForecastMove| pb::ForecastMove {
        user_id: it.user.to_string(),
        rank_now: rank(it.course.now),
        rank_soon: rank(it.course.soon),
        rank_reviewed: rank(it.course.reviewed),
        counts: it.counts.clone(),
    };
    let cost = |benefit: &Benefit| {
        let Forecast { now, soon, reviewed } = it.cost(benefit);
        pb::BenefitForecast {
            benefit_id: benefit.id.to_string(),
            cost_now_minor: now.unwrap_or(-1),
            cost_soon_minor: soon.unwrap_or(-1),
            cost_reviewed_minor: reviewed.unwrap_or(-1),
        }
    };
    pb::SimulateSchemeResponse {
        users: it.users(),
        levels: (0..scheme.levels.len()).map(on).collect(),
        moves: it.moves().iter().map(moved).collect(),
        moves_total: it.moves_total(),
        benefits: benefits.map(cost).collect(),
        next_page_token: String::new(),
    }
}

/// What a sentence of an explanation is about.
pub fn reason(it: Reason) -> pb::LevelReason {
    match it {
        Reason::Held => pb::LevelReason::Held,
        Reason::Locked => pb::LevelReason::Locked,
        Reason::Granted => pb::LevelReason::Granted,
        Reason::Earned => pb::LevelReason::Earned,
        Reason::Review => pb::LevelReason::Review,
        Reason::Fall => pb::LevelReason::Fall,
        Reason::Next => pb::LevelReason::Next,
        Reason::Highest => pb::LevelReason::Highest,
    }
}

/// A move.
pub fn level_move(it: &LevelMove) -> pb::LevelMove {
    pb::LevelMove {
        from_rank: rank(it.from_rank),
        to_rank: rank(it.to_rank),
        cause: it.cause.code().into(),
        growth: it.counts.first().copied().unwrap_or(0),
        further_counts: it.counts.get(1..).unwrap_or_default().to_vec(),
        earned_rank: rank(it.earned_rank),
        scheme_version: it.scheme_version,
        moved_at: Some(to_proto(it.moved_at)),
        valid_until: at(it.valid_until),
        review_time: at(it.review_at),
        grant_id: it.grant_id.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// What was done by hand.
pub fn level_act(it: &LevelAct) -> pb::LevelAct {
    pb::LevelAct {
        act_seq: it.seq,
        kind: it.kind.code().into(),
        grant_id: it.grant_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        grant_kind: it.grant_kind.map_or(0, |kind| kind.code().into()),
        rank: rank(it.rank),
        from_time: Some(to_proto(it.from)),
        until_time: at(it.until),
        reason: it.reason.clone(),
        acted_by: it.acted_by.clone(),
        act_time: Some(to_proto(it.acted_at)),
    }
}
