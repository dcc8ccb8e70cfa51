//! What an entry was, in the words of the user whose statement shows it.

use units::text::LocalizedText;
use units::zone::Zone;

use super::entry::{Entry, EntryKind};

/// What an entry was, in Chinese and English; days are those of a zone.
pub fn sentence(entry: &Entry, zone: &Zone) -> LocalizedText {
    let (mut zh, mut en) = what(entry);
    if entry.kind == EntryKind::Earn && entry.pending > 0 {
        let (zh_when, en_when) = match entry.activates_at {
            Some(at) => {
                let day = zone.day_of(at);
                (format!("，{day} 起可用"), format!(", usable from {day}"))
            }
            None => ("，订单完成后可用".to_owned(), ", usable when the order is completed".to_owned()),
        };
        zh.push_str(&zh_when);
        en.push_str(&en_when);
    }
    if entry.shortfall > 0 {
        let (short, overdrawn) = (entry.shortfall, entry.kind == EntryKind::Spend);
        let zh_short =
            if overdrawn { format!("，其中 {short} 为透支") } else { format!("，另有 {short} 不足扣减") };
        let en_short = if overdrawn { ", of which {} are owed" } else { ", {} more were no longer there" };
        zh.push_str(&zh_short);
        en.push_str(&en_short.replace("{}", &short.to_string()));
    }
    let origin = &entry.origin;
    if !origin.order_id.is_empty() {
        zh.push_str(&format!("（订单 {}）", origin.order_id));
        en.push_str(&format!(" (order {})", origin.order_id));
    }
    if !origin.reason.is_empty() {
        zh.push_str(&format!("：{}", origin.reason));
        en.push_str(&format!(": {}", origin.reason));
    }
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "en".to_owned() }
}

/// What was done, and how many points it was about.
fn what(entry: &Entry) -> (String, String) {
    let (origin, points) = (&entry.origin, entry.amount.abs());
    let (rule, of_reward, of_hold) = (&origin.rule_id, !origin.reward_id.is_empty(), !origin.hold_id.is_empty());
    match entry.kind {
        EntryKind::Earn if of_reward => (format!("获得活动奖励 {points}"), format!("Earned {points} as a reward")),
        EntryKind::Earn if !rule.is_empty() => {
            (format!("按规则 {rule} 获得 {points}"), format!("Earned {points} by rule {rule}"))
        }
        EntryKind::Earn => (format!("获得 {points}"), format!("Earned {points}")),
        EntryKind::Spend if of_hold => (format!("使用冻结的 {points}"), format!("Spent {points} that were set aside")),
        EntryKind::Spend => (format!("使用 {points}"), format!("Spent {points}")),
        EntryKind::Expire if of_hold => (format!("解冻时过期 {points}"), format!("{points} expired when a hold ended")),
        EntryKind::Expire => (format!("过期 {points}"), format!("{points} expired")),
        EntryKind::Reverse if of_hold => {
            (format!("解冻时补扣 {points}"), format!("Took {points} that an earlier reversal was short of"))
        }
        EntryKind::Reverse if of_reward => {
            (format!("收回活动奖励 {points}"), format!("Took back {points} of a reward"))
        }
        EntryKind::Reverse if !rule.is_empty() => {
            (format!("收回按规则 {rule} 获得的 {points}"), format!("Took back {points} earned by rule {rule}"))
        }
        EntryKind::Reverse if origin.reverses_seq > 0 => {
            let seq = origin.reverses_seq;
            (format!("撤销第 {seq} 笔，收回 {points}"), format!("Took back {points} of entry {seq}"))
        }
        EntryKind::Reverse => (format!("收回 {points}"), format!("Took back {points}")),
        EntryKind::LevelEnd => {
            let fall = entry.growth_change.abs();
            (format!("等级到期，扣减成长值 {fall}"), format!("A level period ended: {fall} off the growth"))
        }
        EntryKind::Return if origin.reverses_seq > 0 => {
            let seq = origin.reverses_seq;
            (format!("撤销第 {seq} 笔，退回 {points}"), format!("{points} of entry {seq} given back"))
        }
        EntryKind::Return => (format!("退回 {points}"), format!("{points} given back")),
        EntryKind::DebtFilled => {
            let filled: i64 = entry.lots.iter().map(|change| change.points.max(0)).sum();
            (format!("以解冻的 {filled} 抵扣欠款"), format!("{filled} that came free filled debt"))
        }
        EntryKind::Activate => {
            let usable = entry.pending.abs();
            (format!("{usable} 生效，可以使用"), format!("{usable} became usable"))
        }
        EntryKind::Adjust if entry.amount > 0 => (format!("人工补发 {points}"), format!("{points} added by hand")),
        EntryKind::Adjust => (format!("人工扣减 {points}"), format!("{points} taken by hand")),
        EntryKind::TransferOut => (format!("转赠他人 {points}"), format!("{points} given to somebody else")),
        EntryKind::TransferIn => (format!("收到转赠 {points}"), format!("{points} received from somebody else")),
        EntryKind::Opening if entry.amount == 0 => {
            let growth = entry.growth_change;
            (format!("期初成长值 {growth}"), format!("Brought along a growth of {growth}"))
        }
        EntryKind::Opening => (format!("期初余额 {points}"), format!("Brought along {points}")),
    }
}

#[cfg(test)]
mod tests {
    use ids::UserId;
    use time::macros::datetime;

    use super::*;
    use crate::domain::entry::Origin;
    use crate::domain::lot::LotChange;

    fn entry(kind: EntryKind, amount: i64, origin: Origin) -> Entry {
        Entry {
            seq: 1,
            kind,
            amount,
            balance_after: 0,
            growth_change: 0,
            origin,
            lots: Vec::new(),
            pending: 0,
            activates_at: None,
            shortfall: 0,
            occurred_at: datetime!(2026-01-01 0:00 UTC),
            recorded_at: datetime!(2026-01-01 0:00 UTC),
        }
    }

    #[test]
    fn an_entry_says_what_it_was_in_both_languages() {
        use EntryKind::*;
        let none = Origin::default;
        let order = || Origin { order_id: "o1".to_owned(), ..none() };
        let rule = || Origin { rule_id: "per-yuan".to_owned(), ..order() };
        let reward = || Origin { reward_id: "r".to_owned(), reason: "spring".to_owned(), ..none() };
        let hold = || Origin { hold_id: "h".to_owned(), ..order() };
        let reason = || Origin { reason: "客诉补偿".to_owned(), ..none() };
        let active_from = datetime!(2026-03-09 0:00 +8);
        let until = Entry { pending: 50, activates_at: Some(active_from), ..entry(Earn, 50, none()) };
        let waiting = Entry { pending: 50, ..entry(Earn, 50, order()) };
        let short = Entry { shortfall: 10, ..entry(Reverse, -40, rule()) };
        let overdrawn = Entry { shortfall: 10, ..entry(Spend, -30, none()) };
        let undone = || Origin { reverses_seq: 3, ..none() };
        let ended = Entry { growth_change: -1_000, ..entry(LevelEnd, 0, none()) };
        let change = |points| LotChange { expires_at: None, origin: UserId::new("u").unwrap(), points };
        let filled = Entry { lots: vec![change(-20), change(20)], ..entry(DebtFilled, 0, hold()) };
        let usable = Entry { pending: -50, ..entry(Activate, 0, none()) };
        let table = [
            (entry(Earn, 50, none()), "获得 50", "Earned 50"),
            (entry(Earn, 50, reason()), "获得 50：客诉补偿", "Earned 50: 客诉补偿"),
            (entry(Earn, 50, rule()), "按规则 per-yuan 获得 50（订单 o1）", "Earned 50 by rule per-yuan (order o1)"),
            (entry(Earn, 50, reward()), "获得活动奖励 50：spring", "Earned 50 as a reward: spring"),
            (until, "获得 50，2026-03-09 起可用", "Earned 50, usable from 2026-03-09"),
            (waiting, "获得 50，订单完成后可用（订单 o1）", "Earned 50, usable when the order is completed (order o1)"),
            (entry(Spend, -30, order()), "使用 30（订单 o1）", "Spent 30 (order o1)"),
            (entry(Spend, -30, hold()), "使用冻结的 30（订单 o1）", "Spent 30 that were set aside (order o1)"),
            (overdrawn, "使用 30，其中 10 为透支", "Spent 30, of which 10 are owed"),
            (entry(Expire, -5, none()), "过期 5", "5 expired"),
            (entry(Expire, -5, hold()), "解冻时过期 5（订单 o1）", "5 expired when a hold ended (order o1)"),
            (entry(Reverse, -7, order()), "收回 7（订单 o1）", "Took back 7 (order o1)"),
            (
                short,
                "收回按规则 per-yuan 获得的 40，另有 10 不足扣减（订单 o1）",
                "Took back 40 earned by rule per-yuan, 10 more were no longer there (order o1)",
            ),
            (entry(Reverse, -7, reward()), "收回活动奖励 7：spring", "Took back 7 of a reward: spring"),
            (
                entry(Reverse, -7, hold()),
                "解冻时补扣 7（订单 o1）",
                "Took 7 that an earlier reversal was short of (order o1)",
            ),
            (ended, "等级到期，扣减成长值 1000", "A level period ended: 1000 off the growth"),
            (entry(Return, 5, hold()), "退回 5（订单 o1）", "5 given back (order o1)"),
            (filled, "以解冻的 20 抵扣欠款（订单 o1）", "20 that came free filled debt (order o1)"),
            (usable, "50 生效，可以使用", "50 became usable"),
            (entry(Reverse, -7, undone()), "撤销第 3 笔，收回 7", "Took back 7 of entry 3"),
            (entry(Return, 7, undone()), "撤销第 3 笔，退回 7", "7 of entry 3 given back"),
            (entry(Adjust, 5, reason()), "人工补发 5：客诉补偿", "5 added by hand: 客诉补偿"),
            (entry(Adjust, -5, none()), "人工扣减 5", "5 taken by hand"),
            (entry(TransferOut, -5, none()), "转赠他人 5", "5 given to somebody else"),
            (entry(TransferIn, 5, none()), "收到转赠 5", "5 received from somebody else"),
        ];
        let zone = Zone::new("Asia/Shanghai").unwrap();
        for (entry, zh, en) in table {
            let said = sentence(&entry, &zone);
            assert_eq!((said.texts["zh"].as_str(), said.texts["en"].as_str()), (zh, en), "{entry:?}");
        }
    }
}
