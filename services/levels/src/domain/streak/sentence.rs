//! What a user is told of a streak, in Chinese and English.

use units::text::LocalizedText;

/// How long a run is, whether today counts already, and how far the next reward is.
pub fn sentence(length: i32, done_today: bool, next_length: Option<i32>) -> LocalizedText {
    let days = |n: i32| if n == 1 { "day" } else { "days" };
    let (mut zh, mut en) = match length {
        0 => ("尚未连续签到".to_owned(), "No days in a row yet".to_owned()),
        length => (format!("已连续签到 {length} 天"), format!("{length} {} in a row", days(length))),
    };
    if !done_today {
        zh.push_str("，今日未签到");
        en.push_str(", not checked in today");
    }
    if let Some(more) = next_length.map(|next| next - length).filter(|more| *more > 0) {
        zh.push_str(&format!("，再签到 {more} 天可获奖励"));
        en.push_str(&format!(", {more} more {} to the next reward", days(more)));
    }
    LocalizedText { texts: [("zh".to_owned(), zh), ("en".to_owned(), en)].into(), fallback: "zh".to_owned() }
}
