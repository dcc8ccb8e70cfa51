//! What a user is told about a benefit, in Chinese and English.

use time::OffsetDateTime;
use units::text::LocalizedText;

use super::usage::{Entitlement, zone};
use super::{BenefitKind, BenefitPeriod};
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;

/// Why something is allowed or not, as [`Entitlement::check`] found.
pub fn sentence(
    programme: &Programme,
    it: &Entitlement<'_>,
    checked: Result<&(), &Refusal>,
    at: OffsetDateTime,
) -> LocalizedText {
    let (zh, en) = match checked {
        Ok(()) => allowed(it),
        Err(Refusal::BenefitNotHeld { .. }) => not_held(programme, it),
        Err(Refusal::BenefitQuotaShort { count, .. }) => quota_short(programme, it, *count),
        Err(_) => not_in_force(programme, it, at),
    };
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "zh".to_owned() }
}

fn allowed(it: &Entitlement<'_>) -> (String, String) {
    let (zh, en) = within(it);
    match (it.benefit.kind, it.left()) {
        (BenefitKind::Service, Some(left)) => {
            (format!("可以使用，{zh}还剩 {left} 次"), format!("Yes: {left} left {en}"))
        }
        (BenefitKind::Service, None) => ("可以使用，不限次数".into(), "Yes, without limit".into()),
        (BenefitKind::Cosmetic, _) => ("可以展示".into(), "Yes, it can be shown".into()),
        (BenefitKind::Restriction, _) => ("不受限制".into(), "Yes, nothing forbids it".into()),
    }
}

fn not_held(programme: &Programme, it: &Entitlement<'_>) -> (String, String) {
    let (zh, en) = (name(it, "zh"), name(it, "en"));
    let level = |rank: usize, language| {
        let level = it.benefit.scheme.as_ref().and_then(|id| programme.schemes.get(id)?.levels.get(rank));
        level.map_or("", |level| level.display_name.closest(language))
    };
    match &it.next {
        Some(next) => (
            format!("「{zh}」从「{}」起享有，还差 {} 成长值", level(next.rank, "zh"), next.missing),
            format!("“{en}” comes with the level “{}”: {} growth to go", level(next.rank, "en"), next.missing),
        ),
        None => (format!("当前等级不享有「{zh}」"), format!("“{en}” does not come with this level")),
    }
}

fn quota_short(programme: &Programme, it: &Entitlement<'_>, count: i64) -> (String, String) {
    let ((zh, en), used, quota) = (within(it), it.used, it.quota.unwrap_or(0));
    let (mut zh, mut en) = (format!("{zh}已用 {used}/{quota} 次"), format!("{used} of {quota} used {en}"));
    if count > 1 {
        zh.push_str(&format!("，不足 {count} 次"));
        en.push_str(&format!(", {count} asked for"));
    }
    if let Some(renewal) = it.renews_at() {
        let day = zone(programme, it.benefit).day_of(renewal);
        zh.push_str(&format!("，{day} 恢复"));
        en.push_str(&format!("; renewed on {day}"));
    }
    (zh, en)
}

fn not_in_force(programme: &Programme, it: &Entitlement<'_>, at: OffsetDateTime) -> (String, String) {
    let (zh, en) = (name(it, "zh"), name(it, "en"));
    let day = |time| zone(programme, it.benefit).day_of(time);
    match (it.benefit.valid_from, it.benefit.valid_until) {
        _ if it.benefit.paused => (format!("「{zh}」已暂停"), format!("“{en}” is paused")),
        (Some(from), _) if at < from => {
            (format!("「{zh}」自 {} 起生效", day(from)), format!("“{en}” begins on {}", day(from)))
        }
        (_, Some(until)) => (format!("「{zh}」已于 {} 结束", day(until)), format!("“{en}” ended on {}", day(until))),
        _ => (format!("「{zh}」未生效"), format!("“{en}” is not in force")),
    }
}

fn name<'b>(it: &Entitlement<'b>, language: &str) -> &'b str {
    it.benefit.display_name.closest(language)
}

/// What a quota counts within, as a user says it.
fn within(it: &Entitlement<'_>) -> (&'static str, &'static str) {
    match it.benefit.period {
        None | Some(BenefitPeriod::Ever) => ("累计", "in all"),
        Some(BenefitPeriod::Day) => ("今日", "today"),
        Some(BenefitPeriod::Week) => ("本周", "this week"),
        Some(BenefitPeriod::Month) => ("本月", "this month"),
        Some(BenefitPeriod::Year) => ("今年", "this year"),
        Some(BenefitPeriod::Level) => ("本等级周期", "in this level period"),
    }
}
