//! Domain values as messages of the contract: for answers, which are recorded with their request ids, and for the
//! payloads of the log. The other way round, with its checks, is `grpc/convert.rs`.

pub mod benefit;
pub mod goal;
pub mod job;
pub mod leaderboard;
pub mod level;

use proto::common::v1 as common;
use proto::levels::v1 as pb;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::adjustment::Adjustment;
use crate::domain::backtest::Day;
use crate::domain::balance::Balance;
use crate::domain::book::Curtailed;
use crate::domain::cap::Cap;
use crate::domain::earning::EarningRule;
use crate::domain::entry::Entry;
use crate::domain::hold::Hold;
use crate::domain::line_rate::LineRate;
use crate::domain::multiplier::Multiplier;
use crate::domain::pending::Release;
use crate::domain::point_type::{PointType, TransferLimits};
use crate::domain::point_type_change::Part;
use crate::domain::sentence::sentence;
use crate::domain::trial::{CapTrial, Trial, Verdict};
use crate::queries::Backtested;
use rules::{Ratio, Written, WrittenRow};
use units::text::LocalizedText;
use units::zone::Zone;

fn at(time: Option<OffsetDateTime>) -> Option<prost_types::Timestamp> {
    time.map(to_proto)
}

fn text(text: &LocalizedText) -> Option<common::LocalizedText> {
    Some(units::text::to_proto(text))
}

pub(crate) fn rank(rank: usize) -> i32 {
    i32::try_from(rank).unwrap_or(i32::MAX)
}

/// A point type.
pub fn point_type(it: &PointType) -> pb::PointType {
    let (expiry_policy, expiry_count, expiry_rounding) = it.expiry.code();
    let (activation_policy, activation_count) = it.activation.code();
    let limits = |it: TransferLimits| pb::TransferLimits { max_amount: it.max_amount, max_per_day: it.max_per_day };
    pb::PointType {
        point_type_id: it.id.to_string(),
        display_name: text(&it.display_name),
        spendable: it.spendable,
        expiry_policy: expiry_policy.into(),
        expiry_count,
        expiry_rounding: expiry_rounding.into(),
        reversal_policy: it.reversal.code().into(),
        rounding: it.rounding.code().into(),
        activation_policy: activation_policy.into(),
        activation_count,
        overdraft_limit: it.overdraft,
        adjustment_limit: it.adjustment_limit,
        transfers: it.transfers.map(limits),
        caps: it.caps.iter().map(cap).collect(),
        zone: it.zone.name().to_owned(),
        etag: it.etag(),
        create_time: Some(to_proto(it.create_time)),
        update_time: Some(to_proto(it.update_time)),
    }
}

/// What a change of a point type touches.
pub fn changed_policies(changed: &[Part]) -> Vec<pb::ChangedPolicy> {
    let policy = |part: &Part| {
        part.reach().map(|reach| pb::ChangedPolicy { field: part.name().to_owned(), reach: reach.code() })
    };
    changed.iter().filter_map(policy).collect()
}

/// An adjustment.
pub fn adjustment(it: &Adjustment) -> pb::Adjustment {
    pb::Adjustment {
        adjustment_id: it.id.to_string(),
        user_id: it.user.to_string(),
        point_type_id: it.point_type.to_string(),
        amount: it.amount,
        reason: it.reason.clone(),
        state: it.state.code().into(),
        requested_by: it.requested_by.clone(),
        decided_by: it.decided_by.clone(),
        note: it.note.clone(),
        entry_seq: it.entry_seq,
        create_time: Some(to_proto(it.created_at)),
        decide_time: at(it.decided_at),
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
        contra: it.contra().to_owned(),
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
        reverses_seq: it.origin.reverses_seq,
        adjustment_id: it.origin.adjustment_id.clone(),
        counterpart_user_id: it.origin.counterpart.clone(),
        sentence: None,
        cost_centre: it.origin.cost_centre.clone(),
        funder: it.origin.funder,
    }
}

/// An entry as a statement shows it: with a sentence; days are those of a zone.
pub fn statement_entry(it: &Entry, zone: &Zone) -> pb::Entry {
    pb::Entry { sentence: text(&sentence(it, zone)), ..entry(it) }
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
        overdraft_left: it.overdraft_left,
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
    let condition = match &it.condition {
        Written::Always => None,
        Written::Expression(text) => Some(Condition::Expression(text.clone())),
        Written::Form(rows) => Some(Condition::Form(form(rows))),
    };
    pb::EarningRule {
        cost_centre: it.payer.cost_centre.clone(),
        funder: it.payer.funder,
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
        caps: it.caps.iter().map(cap).collect(),
        line_rates: it.line_rates.iter().map(line_rate).collect(),
        multipliers: it.multipliers.list.iter().map(multiplier).collect(),
        multiplier_mix: it.multipliers.mix.code().into(),
        group: it.place.group.as_ref().map(ToString::to_string).unwrap_or_default(),
        priority: it.place.priority,
        group_choice: it.place.choice.code().into(),
    }
}

pub(crate) fn form(rows: &[WrittenRow]) -> pb::Form {
    let row =
        |row: &WrittenRow| pb::FormRow { field: row.field.clone(), operator: row.operator, value: row.value.clone() };
    pb::Form { rows: rows.iter().map(row).collect() }
}

fn line_rate(it: &LineRate) -> pb::LineRate {
    pb::LineRate {
        skus: it.skus.clone(),
        categories: it.categories.clone(),
        points_per_piece: it.points_per_piece,
        rate_basis_points: it.rate_basis_points,
    }
}

fn multiplier(it: &Multiplier) -> pb::Multiplier {
    use pb::multiplier::Condition;
    let condition = match &it.condition {
        Written::Always => None,
        Written::Expression(text) => Some(Condition::Expression(text.clone())),
        Written::Form(rows) => Some(Condition::Form(form(rows))),
    };
    pb::Multiplier { condition, factor_basis_points: it.factor_basis_points }
}

/// What a rule would give.
pub fn trial(it: &Trial) -> pb::RuleTrial {
    let number = |it: &Option<Ratio>| it.map(|it| it.to_string()).unwrap_or_default();
    let multiplier =
        |(holds, factor): &(bool, i32)| pb::MultiplierTrial { holds: *holds, factor_basis_points: *factor };
    let of_cap = |it: &CapTrial| pb::CapTrial {
        cap: Some(cap(&it.cap)),
        points_used: it.used.points,
        times_used: it.used.times,
        frees_at: at(it.frees_at),
        cuts: it.cuts,
    };
    let verdict = match it.verdict {
        Verdict::Gives => pb::Verdict::Gives,
        Verdict::Paused => pb::Verdict::Paused,
        Verdict::NotValid => pb::Verdict::NotValid,
        Verdict::ConditionFalse => pb::Verdict::ConditionFalse,
        Verdict::NoValue => pb::Verdict::NoValue,
        Verdict::Nothing => pb::Verdict::Nothing,
        Verdict::MakesWay => pb::Verdict::MakesWay,
        Verdict::Capped => pb::Verdict::Capped,
        Verdict::EarnedBefore => pb::Verdict::EarnedBefore,
    };
    pb::RuleTrial {
        rule_id: it.rule_id.to_string(),
        version: it.version,
        point_type_id: it.point_type.to_string(),
        verdict: verdict.into(),
        cause: it.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
        formula_value: number(&it.formula),
        lines_value: number(&it.lines),
        multipliers: it.multipliers.iter().map(multiplier).collect(),
        asked: it.asked,
        given: it.given,
        caps: it.caps.iter().map(of_cap).collect(),
        makes_way_for: it.makes_way_for.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// What rules would have given.
pub fn backtested(it: Backtested) -> pb::BacktestEarningResponse {
    let day = |it: Day| pb::BacktestDay {
        day: it.day,
        rule_id: it.rule_id.to_string(),
        version: it.version,
        point_type_id: it.point_type.to_string(),
        events: it.events,
        times: it.times,
        asked: it.asked,
        given: it.given,
        taken_back: it.taken_back,
        net: it.given - it.taken_back,
    };
    pb::BacktestEarningResponse {
        days: it.days.into_iter().map(day).collect(),
        events: i64::try_from(it.events).unwrap_or(i64::MAX),
        truncated: it.truncated,
        refunds: i64::try_from(it.taken_back).unwrap_or(i64::MAX),
    }
}

/// A cap.
pub fn cap(it: &Cap) -> pb::Cap {
    pb::Cap {
        scope: it.scope.code(),
        period: it.period.code().into(),
        points_max: it.points.unwrap_or(0),
        times_max: it.times.unwrap_or(0),
    }
}

/// That caps left less than a rule would have given.
pub fn earning_capped(it: &Curtailed) -> pb::EarningCapped {
    pb::EarningCapped {
        rule_id: it.rule_id.to_string(),
        rule_version: it.rule_version,
        point_type_id: it.point_type.to_string(),
        order_id: it.order_id.clone(),
        asked: it.asked,
        given: it.given,
        cap: Some(cap(&it.cut.cap)),
        frees_at: at(it.cut.frees_at),
    }
}
