//! What was decided of an event for a user and a campaign, and the sentence that says so.

use ids::{EventId, Key, UserId};
use time::OffsetDateTime;
use units::text::LocalizedText;
use units::zone::Zone;

use super::period::Period;

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The reward was granted.
    Granted,
    /// The user is held out of all campaigns.
    GlobalHoldout,
    /// The user is held out of this campaign.
    Holdout,
    /// Another campaign of the exclusion group granted.
    Excluded,
    /// The user has had as many as the limit allows.
    UserLimit,
    /// The campaign has granted as many as it may.
    TotalLimit,
    /// The budget does not suffice.
    Budget,
    /// The event was recorded too long after it happened.
    TooOld,
    /// The formula yields no positive number.
    NothingDue,
    /// The order was given back before.
    OrderReturned,
    /// The chain of causes is too long.
    TooManyHops,
    /// The coupon could not be issued.
    CouponRefused,
}

impl Outcome {
    /// All, in the order of the contract's numbers, which begin with 1.
    pub const ALL: [Self; 12] = [
        Self::Granted,
        Self::GlobalHoldout,
        Self::Holdout,
        Self::Excluded,
        Self::UserLimit,
        Self::TotalLimit,
        Self::Budget,
        Self::TooOld,
        Self::NothingDue,
        Self::OrderReturned,
        Self::TooManyHops,
        Self::CouponRefused,
    ];

    /// The contract's number.
    pub fn code(self) -> i16 {
        let place = Self::ALL.iter().position(|it| *it == self);
        place.and_then(|place| i16::try_from(place + 1).ok()).unwrap_or(0)
    }

    /// Of the contract's number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?.checked_sub(1)?).copied()
    }
}

/// An outcome with the figures that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// Points or coupons granted.
    pub amount: i64,
    /// Limits: how many were counted before. Budgets: what was needed. Ages: seconds.
    pub used: i64,
    /// Limits: how many are allowed. Budgets: what was left. Ages: seconds allowed.
    pub limit: i64,
    /// Limits: over which time.
    pub period: Option<Period>,
    /// Limits: when they count anew.
    pub resumes_at: Option<OffsetDateTime>,
    /// The other campaign of the group, or why a coupon was refused; may be empty.
    pub other: String,
}

impl Verdict {
    /// An outcome without figures.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, amount: 0, used: 0, limit: 0, period: None, resumes_at: None, other: String::new() }
    }

    /// With figures.
    #[must_use]
    pub fn figures(mut self, used: i64, limit: i64) -> Self {
        (self.used, self.limit) = (used, limit);
        self
    }
}

/// A stored decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The user.
    pub user: UserId,
    /// The campaign.
    pub campaign_id: Key,
    /// Its version.
    pub version: i32,
    /// The event.
    pub source_event: EventId,
    /// Its type.
    pub event_type: String,
    /// What came of it.
    pub verdict: Verdict,
    /// True: of a coupon; false: of points.
    pub coupon: bool,
    /// Whose days limits count.
    pub zone: String,
    /// When the event happened.
    pub occurred_at: OffsetDateTime,
    /// When it was decided.
    pub decided_at: OffsetDateTime,
    /// What became of it.
    pub undone: Undone,
}

/// How much of what was granted was taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    /// Points, or 1 coupon.
    pub taken_back: i64,
    /// Because the level that set it off was undone; else because its order was given back.
    pub with_level: bool,
}

impl Decision {
    /// One sentence in Chinese and English.
    pub fn sentence(&self) -> LocalizedText {
        let zone = Zone::new(&self.zone).unwrap_or_else(|_| Zone::utc());
        let mut said = sentence(&self.verdict, self.coupon, &zone, self.decided_at);
        let Undone { taken_back, with_level } = self.undone;
        if taken_back > 0 {
            let (zh, en) = if with_level {
                ("等级已撤销", "the level was undone")
            } else {
                ("订单已退", "the order was given back")
            };
            for (lang, text) in &mut said.texts {
                text.push_str(&match lang.as_str() {
                    "zh" => format!("；已收回 {taken_back}：{zh}"),
                    _ => format!("; {taken_back} taken back: {en}"),
                });
            }
        }
        said
    }
}

/// Texts in Chinese and English; the former where a reader has neither.
pub fn both(zh: impl Into<String>, en: impl Into<String>) -> LocalizedText {
    let texts = [("zh".to_owned(), zh.into()), ("en".to_owned(), en.into())];
    LocalizedText { texts: texts.into(), fallback: "zh".to_owned() }
}

/// One sentence for a verdict reached at `now`.
pub fn sentence(verdict: &Verdict, coupon: bool, zone: &Zone, now: OffsetDateTime) -> LocalizedText {
    let Verdict { amount, used, limit, other, .. } = verdict;
    let (zh, en) = match verdict.outcome {
        Outcome::Granted if coupon => return both("已发放：优惠券 1 张", "Granted: 1 coupon"),
        Outcome::Granted => return both(format!("已发放：{amount} 积分"), format!("Granted: {amount} points")),
        Outcome::GlobalHoldout => {
            ("用户属于全局空白对照组".to_owned(), "the user is held out of all campaigns".to_owned())
        }
        Outcome::Holdout => {
            ("用户属于该活动的空白对照组".to_owned(), "the user is held out of this campaign".to_owned())
        }
        Outcome::Excluded => {
            (format!("互斥活动 {other} 已发放"), format!("campaign {other} of the same group granted"))
        }
        Outcome::UserLimit => user_limit(verdict, zone, now),
        Outcome::TotalLimit => {
            (format!("活动总量已达上限 {used}/{limit}"), format!("the campaign's limit is reached, {used} of {limit}"))
        }
        Outcome::Budget => (
            format!("活动预算不足，需要 {used}，剩余 {limit}"),
            format!("the budget does not suffice: {used} needed, {limit} left"),
        ),
        Outcome::TooOld => (
            format!("事件上报晚于发生时间 {used} 秒，超过 {limit} 秒"),
            format!("the event came {used} s late, {limit} s are allowed"),
        ),
        Outcome::NothingDue => ("按公式应发为零".to_owned(), "the formula yields nothing".to_owned()),
        Outcome::OrderReturned => ("订单已退".to_owned(), "the order was given back".to_owned()),
        Outcome::TooManyHops => ("触发链过长".to_owned(), "the chain of causes is too long".to_owned()),
        Outcome::CouponRefused => {
            (format!("优惠券无法发放：{other}"), format!("the coupon could not be issued: {other}"))
        }
    };
    both(format!("未发放：{zh}"), format!("Not granted: {en}"))
}

fn user_limit(verdict: &Verdict, zone: &Zone, now: OffsetDateTime) -> (String, String) {
    let Verdict { used, limit, .. } = verdict;
    let (span_zh, span_en) = match verdict.period {
        None | Some(Period::Always) => ("累计", "in total"),
        Some(Period::Day) => ("今日", "today"),
        Some(Period::Week) => ("本周", "this week"),
        Some(Period::Month) => ("本月", "this month"),
    };
    let (mut zh, mut en) =
        (format!("{span_zh}已达上限 {used}/{limit}"), format!("limit reached {span_en}, {used} of {limit}"));
    if let (Some(at), Some(period)) = (verdict.resumes_at, verdict.period) {
        // words only where they are true: a late event counts in the bucket of its own time
        let (when_zh, when_en) = match period {
            _ if period.end(zone, now) != Some(at) => (zone.day_of(at), zone.day_of(at)),
            Period::Always | Period::Day => ("明天".to_owned(), "tomorrow".to_owned()),
            Period::Week => ("下周一".to_owned(), "next Monday".to_owned()),
            Period::Month => ("下月 1 日".to_owned(), "on the 1st of next month".to_owned()),
        };
        zh.push_str(&format!("，{when_zh} 00:00 恢复"));
        en.push_str(&format!("; counts anew {when_en} at 00:00"));
    }
    (zh, en)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_daily_limit_says_how_many_and_when_it_resumes() {
        let verdict = Verdict {
            period: Some(Period::Day),
            resumes_at: Some(datetime!(2026-04-02 0:00 +8)),
            ..Verdict::of(Outcome::UserLimit).figures(3, 3)
        };
        let zone = Zone::new("Asia/Shanghai").unwrap();
        let said = |now| sentence(&verdict, true, &zone, now).texts["zh"].clone();
        assert_eq!(said(datetime!(2026-04-01 9:00 +8)), "未发放：今日已达上限 3/3，明天 00:00 恢复");
        assert_eq!(said(datetime!(2026-04-02 9:00 +8)), "未发放：今日已达上限 3/3，2026-04-02 00:00 恢复");
    }

    #[test]
    fn every_outcome_has_a_number_of_its_own_and_a_sentence_in_both_languages() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
            let said = sentence(&Verdict::of(outcome), false, &Zone::utc(), OffsetDateTime::UNIX_EPOCH);
            assert!(said.texts.len() == 2 && said.texts.values().all(|text| !text.is_empty()), "{outcome:?}");
        }
        assert_eq!((Outcome::from_code(0), Outcome::from_code(13)), (None, None));
    }
}
