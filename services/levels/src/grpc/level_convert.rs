//! Schemes and acts on levels as commands: whatever the contract's annotations can't say is checked here, all violations at once.

use std::collections::BTreeSet;

use ids::{EventId, Key};
use proto::levels::v1 as pb;
use requests::body_of;
use service::Parse;
use status::Violations;
use time::OffsetDateTime;

use crate::commands::{ActOnLevel, PublishScheme};
use crate::domain::expiry::Stretch;
use crate::domain::level_act::Act;
use crate::domain::member::GrantKind;
use crate::domain::scheme::level::{Level, LevelTask};
use crate::domain::scheme::policy::{Downgrade, PeriodEnd, Policy, Upgrade, Validity};
use crate::domain::scheme::{Basis, Measure, Scheme};

pub(super) fn publish_scheme(sent: &pb::PublishSchemeRequest) -> Result<PublishScheme, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "LevelService/PublishScheme", &sent.request_id, body_of(sent));
    let scheme = scheme(&mut parse, &sent.scheme.clone().unwrap_or_default());
    parse.done(request.zip(scheme).map(|(request, scheme)| PublishScheme { request, scheme }))
}

/// The scheme, and what tells it from others.
pub(super) fn simulate_scheme(sent: &pb::SimulateSchemeRequest) -> Result<(Scheme, String), Violations> {
    let mut parse = Parse::default();
    let sent = sent.scheme.clone().unwrap_or_default();
    let scheme = scheme(&mut parse, &sent);
    let digest: String = body_of(&sent).iter().map(|byte| format!("{byte:02x}")).collect();
    parse.done(scheme.map(|scheme| (scheme, digest)))
}

fn scheme(parse: &mut Parse, it: &pb::Scheme) -> Option<Scheme> {
    let id = parse.key("scheme.scheme_id", &it.scheme_id);
    let measures = measures(parse, it);
    let display_name = parse.text("scheme.display_name", it.display_name.as_ref());
    let levels = levels(parse, it);
    let validity = validity(parse, it, &measures);
    let policy = policy(parse, it, &measures);
    let (version, publish_time, create_time) = (0, OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH);
    let (id, any) = (id?, it.any_measure);
    let named = measures.len() == 1 + it.further_measures.len();
    named.then_some(Scheme {
        id,
        display_name,
        measures,
        any,
        levels,
        validity,
        policy,
        version,
        publish_time,
        create_time,
    })
}

fn measures(parse: &mut Parse, it: &pb::Scheme) -> Vec<Measure> {
    let basis = |code: i32| i16::try_from(code).ok().and_then(Basis::from_code).unwrap_or(Basis::Growth);
    let mut measures: Vec<Measure> = Vec::new();
    let first = parse.key("scheme.point_type_id", &it.point_type_id);
    measures.extend(first.map(|point_type| Measure { point_type, basis: basis(it.basis) }));
    for (n, further) in it.further_measures.iter().enumerate() {
        let field = format!("scheme.further_measures[{n}]");
        let Some(point_type) = parse.key(&format!("{field}.point_type_id"), &further.point_type_id) else { continue };
        let measure = Measure { point_type, basis: basis(further.basis) };
        parse.require(!measures.contains(&measure), &field, "is a measure already");
        measures.push(measure);
    }
    measures
}

fn levels(parse: &mut Parse, it: &pb::Scheme) -> Vec<Level> {
    if !(1..=100).contains(&it.levels.len()) {
        parse.refuse("scheme.levels", "must be 1 to 100");
    }
    let mut levels: Vec<Level> = Vec::with_capacity(it.levels.len());
    for (rank, level) in it.levels.iter().enumerate() {
        let field = format!("scheme.levels[{rank}]");
        if usize::try_from(level.rank) != Ok(rank) {
            parse.refuse(format!("{field}.rank"), format!("must be {rank}: levels stand in order of rank"));
        }
        let below = levels.last().map(|below| below.threshold);
        if below.map_or(level.threshold != 0, |below| level.threshold <= below) {
            parse.refuse(format!("{field}.threshold"), "must be 0 for rank 0 and rise with the rank");
        }
        further_thresholds(parse, &field, it, (levels.last(), level));
        parse.require(
            rank > 0 || !level.by_invitation,
            &format!("{field}.by_invitation"),
            "must be false for rank 0, which everybody has",
        );
        let display_name = parse.text(&format!("{field}.display_name"), level.display_name.as_ref());
        let guide = level.guide.as_ref().map(|guide| parse.text(&format!("{field}.guide"), Some(guide)));
        levels.push(Level {
            display_name,
            threshold: level.threshold,
            further_thresholds: level.further_thresholds.clone(),
            by_invitation: level.by_invitation,
            purpose: level.purpose,
            target_metric: level.target_metric.clone(),
            guide,
            tasks: tasks(parse, &field, &level.tasks),
        });
    }
    levels
}

fn further_thresholds(parse: &mut Parse, field: &str, it: &pb::Scheme, (below, level): (Option<&Level>, &pb::Level)) {
    let (field, wanted) = (format!("{field}.further_thresholds"), it.further_measures.len());
    if level.further_thresholds.len() != wanted {
        parse.refuse(&field, format!("must be {wanted}: one for each further measure"));
        return;
    }
    let least = i64::from(it.any_measure);
    for (n, threshold) in level.further_thresholds.iter().enumerate() {
        let rises = match below {
            None => *threshold == 0,
            Some(below) => *threshold - below.further_thresholds.get(n).copied().unwrap_or(0) >= least,
        };
        let how = if it.any_measure { "rise" } else { "never fall" };
        parse.require(rises, &format!("{field}[{n}]"), &format!("must be 0 for rank 0 and {how} with the rank"));
    }
}

fn tasks(parse: &mut Parse, field: &str, sent: &[pb::LevelTask]) -> Vec<LevelTask> {
    let mut ids = BTreeSet::new();
    let mut task = |(n, it): (usize, &pb::LevelTask)| {
        let field = format!("{field}.tasks[{n}]");
        parse.require(
            ids.insert(it.task_id.clone()),
            &format!("{field}.task_id"),
            "is that of another task of the level",
        );
        let title = parse.text(&format!("{field}.title"), it.title.as_ref());
        LevelTask { task_id: it.task_id.clone(), title, link: it.link.clone() }
    };
    sent.iter().enumerate().map(&mut task).collect()
}

fn validity(parse: &mut Parse, it: &pb::Scheme, measures: &[Measure]) -> Option<Validity> {
    let rounding = i16::try_from(it.validity_rounding).ok().and_then(Stretch::from_code);
    let end = i16::try_from(it.period_end).ok().and_then(PeriodEnd::from_code);
    let months = u32::try_from(it.validity_months).ok().filter(|months| *months <= 120);
    parse.require(months.is_some(), "scheme.validity_months", "must lie between 0 and 120");
    let Some(months) = months.filter(|months| *months > 0) else {
        parse.require(rounding.is_none(), "scheme.validity_rounding", "only goes with validity_months");
        parse.require(it.review_delay_days == 0, "scheme.review_delay_days", "only goes with validity_months");
        return None;
    };
    let of_growth = measures.iter().any(|it| it.basis == Basis::Growth);
    if of_growth {
        parse.require(
            end.is_some(),
            "scheme.period_end",
            "is needed where validity_months is set and all growth counts",
        );
    } else {
        let kept = matches!(end, None | Some(PeriodEnd::Keep));
        parse.require(kept, "scheme.period_end", "only goes with a measure that counts all growth");
    }
    // a month has at least 28 days
    let short = i64::from(it.review_delay_days) < i64::from(months) * 28;
    parse.require(short, "scheme.review_delay_days", "must be less than the months of the validity, of 28 days each");
    Some(Validity { months, rounding, end: end.unwrap_or(PeriodEnd::Keep) })
}

fn policy(parse: &mut Parse, it: &pb::Scheme, measures: &[Measure]) -> Policy {
    let upgrade = i16::try_from(it.upgrade_policy).ok().and_then(Upgrade::from_code).unwrap_or_default();
    let downgrade = i16::try_from(it.downgrade_policy).ok().and_then(Downgrade::from_code).unwrap_or_default();
    let reviewed = it.validity_months > 0 || upgrade == Upgrade::AtOnce;
    parse.require(reviewed, "scheme.upgrade_policy", "at the review only goes with validity_months");
    let begins_anew = measures.iter().any(|it| it.basis == Basis::Period);
    parse.require(
        !begins_anew || downgrade != Downgrade::AtOnce,
        "scheme.downgrade_policy",
        "at once does not go with a measure of the period, which begins anew at 0",
    );
    let mut days = |field: &str, days: i32| {
        let days = u32::try_from(days).ok().filter(|days| *days <= 366);
        parse.require(days.is_some(), field, "must lie between 0 and 366");
        days.unwrap_or(0)
    };
    Policy {
        upgrade,
        downgrade,
        one_step: it.one_step_down,
        grace_days: days("scheme.grace_days", it.grace_days),
        protection_days: days("scheme.protection_days", it.protection_days),
        review_delay_days: days("scheme.review_delay_days", it.review_delay_days),
    }
}

/// What is common to acts: method, request id, digest, user, scheme, reason and subject.
type Signed<'a> = (&'static str, (&'a str, [u8; 32]), (&'a str, &'a str), (&'a str, String));

fn act(mut parse: Parse, signed: Signed<'_>, act: Option<Act>) -> Result<ActOnLevel, Violations> {
    let (method, (request_id, body), (user, scheme), (reason, subject)) = signed;
    let request = parse.request(user, method, request_id, body);
    let (user, scheme): (_, Option<Key>) = (parse.user(user), parse.key("scheme_id", scheme));
    parse.require(!reason.is_empty(), "reason", "is required");
    let reason = reason.to_owned();
    let parts = request.zip(user).zip(scheme.zip(act));
    let command = |((request, user), (scheme, act))| ActOnLevel { request, user, scheme, act, reason, subject };
    parse.done(parts.map(command))
}

pub(super) fn grant(sent: &pb::GrantLevelRequest, subject: String) -> Result<ActOnLevel, Violations> {
    let mut parse = Parse::default();
    let (from, until) =
        (parse.time("from_time", sent.from_time.as_ref()), parse.time("until_time", sent.until_time.as_ref()));
    let rank = usize::try_from(sent.rank).ok().filter(|rank| (1..=99).contains(rank));
    parse.require(rank.is_some(), "rank", "must lie between 1 and 99");
    let kind = i16::try_from(sent.kind).ok().and_then(GrantKind::from_code);
    parse.require(kind.is_some(), "kind", "is required");
    let granted = rank.zip(kind).map(|(rank, kind)| Act::Grant { kind, rank, from, until });
    let call = (sent.request_id.as_str(), body_of(sent));
    let whose = (sent.user_id.as_str(), sent.scheme_id.as_str());
    act(parse, ("LevelGrantService/GrantLevel", call, whose, (&sent.reason, subject)), granted)
}

pub(super) fn end_grant(sent: &pb::EndLevelGrantRequest, subject: String) -> Result<ActOnLevel, Violations> {
    let mut parse = Parse::default();
    let id = EventId::new(sent.grant_id.as_str()).map_err(|fault| parse.refuse("grant_id", fault.to_string())).ok();
    let call = (sent.request_id.as_str(), body_of(sent));
    let whose = (sent.user_id.as_str(), sent.scheme_id.as_str());
    let signed = ("LevelGrantService/EndLevelGrant", call, whose, (sent.reason.as_str(), subject));
    act(parse, signed, id.map(Act::EndGrant))
}

pub(super) fn lock(sent: &pb::LockLevelRequest, subject: String) -> Result<ActOnLevel, Violations> {
    let mut parse = Parse::default();
    let until = parse.time("until_time", sent.until_time.as_ref());
    let rank = usize::try_from(sent.rank).ok().filter(|rank| *rank <= 99);
    parse.require(rank.is_some(), "rank", "must lie between 0 and 99");
    let call = (sent.request_id.as_str(), body_of(sent));
    let whose = (sent.user_id.as_str(), sent.scheme_id.as_str());
    let signed = ("LevelGrantService/LockLevel", call, whose, (sent.reason.as_str(), subject));
    act(parse, signed, rank.map(|rank| Act::Lock { rank, until }))
}

pub(super) fn unlock(sent: &pb::UnlockLevelRequest, subject: String) -> Result<ActOnLevel, Violations> {
    let call = (sent.request_id.as_str(), body_of(sent));
    let whose = (sent.user_id.as_str(), sent.scheme_id.as_str());
    let signed = ("LevelGrantService/UnlockLevel", call, whose, (sent.reason.as_str(), subject));
    act(Parse::default(), signed, Some(Act::Unlock))
}
