//! What a user is told of a quest, in Chinese and English.

use time::OffsetDateTime;
use units::text::LocalizedText;

use super::standing::{QuestStanding, QuestState};

/// How a user stands in a quest and what is missing.
pub fn sentence(it: &QuestStanding<'_>, at: OffsetDateTime) -> LocalizedText {
    let (zh, en) = match it.state {
        QuestState::ToStart => ("待领取".to_owned(), "To be started".to_owned()),
        QuestState::Locked => ("当前等级不可参与".to_owned(), "Not for this level".to_owned()),
        QuestState::Over => ("未完成，任务已结束".to_owned(), "Not completed in time".to_owned()),
        QuestState::NotInForce => not_in_force(it, at),
        QuestState::Completed => completed(it),
        QuestState::Open => open(it, at),
    };
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "zh".to_owned() }
}

fn not_in_force(it: &QuestStanding<'_>, at: OffsetDateTime) -> (String, String) {
    let day = |time| it.quest.zone.day_of(time);
    match (it.quest.valid_from, it.quest.valid_until) {
        _ if it.quest.paused => ("任务已暂停".into(), "Paused".into()),
        (Some(from), _) if at < from => (format!("自 {} 起开始", day(from)), format!("Begins on {}", day(from))),
        (_, Some(until)) => (format!("已于 {} 结束", day(until)), format!("Ended on {}", day(until))),
        _ => ("任务未生效".into(), "Not in force".into()),
    }
}

fn completed(it: &QuestStanding<'_>) -> (String, String) {
    match it.completions {
        0 | 1 => ("已完成".into(), "Completed".into()),
        times => (format!("已完成 {times} 次"), format!("Completed {times} times")),
    }
}

fn open(it: &QuestStanding<'_>, at: OffsetDateTime) -> (String, String) {
    let (mut zh, mut en) = (String::new(), String::new());
    if it.completions > 0 {
        (zh, en) = (format!("已完成 {} 次，", it.completions), format!("Completed {} times; ", it.completions));
    }
    let missing = it.steps.iter().zip(&it.quest.steps).filter(|(step, _)| step.missing() > 0);
    let missing: Vec<_> = missing.take(if it.quest.in_order { 1 } else { usize::MAX }).collect();
    let said = |language: &str, left: &str| {
        let of = |(step, told): &(&super::standing::StepStanding, &super::Step)| match it.quest.steps.len() {
            1 => format!("{left}{}", step.missing()),
            _ => format!("{} {left}{}", quoted(told.display_name.closest(language), language), step.missing()),
        };
        missing.iter().map(of).collect::<Vec<_>>().join(if language == "zh" { "，" } else { ", " })
    };
    zh.push_str(&said("zh", "还差 "));
    en.push_str(&said("en", ""));
    en.push_str(" to go");
    if let Some(end) = it.window.and_then(|window| window.end) {
        let last = it.quest.zone.day_of(end - time::Duration::NANOSECOND);
        if it.ends_today(at) {
            zh.push_str("，今日截止");
            en.push_str(", until the end of today");
        } else {
            zh.push_str(&format!("，{last} 截止"));
            en.push_str(&format!(", until {last}"));
        }
    }
    (zh, en)
}

fn quoted(name: &str, language: &str) -> String {
    if language == "zh" { format!("「{name}」") } else { format!("“{name}”") }
}
