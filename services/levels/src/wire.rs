//! Domain values as messages of the contract: for answers, which are recorded with their request ids, and for the
//! payloads of the log. The other way round, with its checks, is `grpc/convert.rs`.

pub mod benefit;
pub mod leaderboard;

use proto::common::v1 as common;
use proto::levels::v1 as pb;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::balance::Balance;
use crate::domain::earning::EarningRule;
use crate::domain::entry::Entry;
use crate::domain::hold::Hold;
use crate::domain::member::{LevelMove, Member};
use crate::domain::pending::Release;
use crate::domain::point_type::PointType;
use crate::domain::scheme::Scheme;
use rules::{Written, WrittenRow};
use units::text::LocalizedText;

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn text(text: &LocalizedText) -> Option<common::LocalizedText> {
    Some(units::text::to_proto(text))
}

fn rank(rank: usize) -> i32 {
    i32::try_from(rank).unwrap_or(i32::MAX)
}

/// A point type.
pub fn point_type(it: &PointType) -> pb::PointType {
    let (expiry_policy, expiry_count) = it.expiry.code();
    let (activation_policy, activation_count) = it.activation.code();
    pb::PointType {
        point_type_id: it.id.to_string(),
        display_name: text(&it.display_name),
        spendable: it.spendable,
        expiry_policy: expiry_policy.into(),
        expiry_count,
        reversal_policy: it.reversal.code().into(),
        activation_policy: activation_policy.into(),
        activation_count,
        zone: it.zone.name().to_owned(),
        create_time: Some(to_proto(it.create_time)),
    }
}

/// An entry.
pub fn entry(it: &Entry) -> pb::Entry {
    let lots = it.lots.iter().map(|change| pb::LotChange { expires_at: at(change.expires_at), amount: change.points });
    pb::Entry {
        entry_seq: it.seq,
        kind: it.kind.code().into(),
        amount: it.amount,
        balance_after: it.balance_after,
        contra: it.kind.contra().to_owned(),
        reason: it.origin.reason.clone(),
        rule_id: it.origin.rule_id.clone(),
        order_id: it.origin.order_id.clone(),
        lots: lots.collect(),
        shortfall: it.shortfall,
        occurred_at: Some(to_proto(it.occurred_at)),
        recorded_at: Some(to_proto(it.recorded_at)),
        growth_change: it.growth_change,
        hold_id: it.origin.hold_id.clone(),
        reward_id: it.origin.reward_id.clone(),
        pending: it.pending,
        activates_at: at(it.activates_at),
    }
}

/// A hold.
pub fn hold(it: &Hold) -> pb::Hold {
    let lots = it.lots.iter().map(|lot| pb::HeldPoints { expires_at: at(lot.expires_at), amount: lot.points });
    pb::Hold {
        hold_id: it.id.to_string(),
        point_type_id: it.point_type.to_string(),
        amount: it.amount,
        state: it.state.code().into(),
        captured: it.captured,
        given_back: it.given_back,
        order_id: it.origin.order_id.clone(),
        reason: it.origin.reason.clone(),
        lots: lots.collect(),
        late: it.late,
        create_time: Some(to_proto(it.opened_at)),
        expire_time: Some(to_proto(it.expires_at)),
        resolve_time: at(it.resolved_at),
    }
}

/// A balance.
pub fn balance(it: Balance) -> pb::GetBalanceResponse {
    let expiring = it.expiring.into_iter();
    pb::GetBalanceResponse {
        available: it.available,
        debt: it.debt,
        growth: it.growth,
        expiring: expiring
            .map(|(date, amount)| pb::ExpiringPoints { expires_at: Some(to_proto(date)), amount })
            .collect(),
        held: it.held,
        pending: it.pending,
        activating: it.activating.into_iter().map(pending).collect(),
    }
}

fn pending((release, amount): (Release, i64)) -> pb::PendingPoints {
    match release {
        Release::At(time) => pb::PendingPoints { activates_at: Some(to_proto(time)), order_id: String::new(), amount },
        Release::Order(order_id) => pb::PendingPoints { activates_at: None, order_id, amount },
    }
}

/// A rule.
pub fn earning_rule(it: &EarningRule) -> pb::EarningRule {
    use pb::earning_rule::Condition;
    let row =
        |row: &WrittenRow| pb::FormRow { field: row.field.clone(), operator: row.operator, value: row.value.clone() };
    let condition = match &it.condition {
        Written::Always => None,
        Written::Expression(text) => Some(Condition::Expression(text.clone())),
        Written::Form(rows) => Some(Condition::Form(pb::Form { rows: rows.iter().map(row).collect() })),
    };
    pb::EarningRule {
        rule_id: it.id.to_string(),
        point_type_id: it.point_type.to_string(),
        event_type: it.event_type.clone(),
        condition,
        formula: it.formula.clone(),
        valid_from: at(it.valid_from),
        valid_until: at(it.valid_until),
        paused: it.paused,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// A scheme.
pub fn scheme(it: &Scheme) -> pb::Scheme {
    pb::Scheme {
        scheme_id: it.id.to_string(),
        display_name: text(&it.display_name),
        point_type_id: it.point_type.to_string(),
        levels: (0..it.levels.len()).filter_map(|rank| level(it, rank)).collect(),
        validity_months: it.validity.map_or(0, |validity| i32::try_from(validity.months).unwrap_or(i32::MAX)),
        period_end: it.validity.map_or(0, |validity| validity.end.code().into()),
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// The level of a rank; `None` where the scheme has none.
pub fn level(scheme: &Scheme, of: usize) -> Option<pb::Level> {
    let level = scheme.levels.get(of)?;
    Some(pb::Level { rank: rank(of), display_name: text(&level.display_name), threshold: level.threshold })
}

/// A standing; `None`: a user never seen.
pub fn member(scheme: &Scheme, member: Option<&Member>, growth: i64) -> pb::Member {
    let highest = scheme.levels.len().saturating_sub(1);
    let held = member.map_or(0, |member| member.rank).min(highest);
    let next = level(scheme, held + 1);
    let missing = next.as_ref().map_or(0, |next| (next.threshold - growth).max(0));
    pb::Member {
        level: level(scheme, held),
        since: member.map(|member| to_proto(member.since)),
        valid_until: at(member.and_then(|member| member.valid_until)),
        growth,
        next_level: next,
        missing,
    }
}

/// A move.
pub fn level_move(it: &LevelMove) -> pb::LevelMove {
    pb::LevelMove {
        from_rank: rank(it.from_rank),
        to_rank: rank(it.to_rank),
        cause: it.cause.code().into(),
        growth: it.growth,
        scheme_version: it.scheme_version,
        moved_at: Some(to_proto(it.moved_at)),
        valid_until: at(it.valid_until),
    }
}
