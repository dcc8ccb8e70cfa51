//! The desk of the generated year: kinds of problems, what goes where, when cases are due, and what is not allowed.

use proto::feedback::v1::{
    CaseKind, CaseType, Classification, ClassificationRule, Emotion, Frame, Impact, Quadrant, QuadrantTarget,
    SlaPolicy, Urgency, WorkingCalendar, WorkingDay,
};
use proto::incentives::v1::{Action, ActionKind, Ladder, LadderStep, PenaltyKind};

use super::text;

/// The harmful action that users report others for.
pub(crate) const ABUSE: &str = "abuse";

/// The kinds of problems.
pub(crate) fn case_types() -> Vec<CaseType> {
    use Impact as I;
    use Urgency as U;
    [
        ("delivery", "物流配送", "Delivery", "logistics", U::Normal, I::Normal),
        ("refund", "退款", "Refunds", "aftersales", U::High, I::High),
        ("goods", "商品质量", "Goods", "aftersales", U::Normal, I::High),
        ("payment", "支付", "Payment", "product", U::High, I::High),
        ("app", "应用故障", "The app", "product", U::Normal, I::Normal),
        ("membership", "会员与积分", "Membership", "care", U::Normal, I::Low),
        ("conduct", "用户行为", "Conduct", "community", U::High, I::Normal),
    ]
    .into_iter()
    .map(|(id, zh, en, department, urgency, impact)| CaseType {
        case_type_id: id.to_owned(),
        display_name: text(zh, en),
        department: department.to_owned(),
        urgency: urgency.into(),
        impact: impact.into(),
        ..CaseType::default()
    })
    .collect()
}

/// What goes where.
pub(crate) fn classification() -> Classification {
    let of_kind = |id: &str, kind: CaseKind, case_type: &str, department: &str| ClassificationRule {
        rule_id: id.to_owned(),
        kinds: vec![kind.into()],
        case_type_id: case_type.to_owned(),
        department: department.to_owned(),
        ..ClassificationRule::default()
    };
    let about = |id: &str, words: &[&str]| ClassificationRule {
        rule_id: format!("about-{id}"),
        any_keywords: words.iter().map(|word| (*word).to_owned()).collect(),
        case_type_id: id.to_owned(),
        ..ClassificationRule::default()
    };
    let upset =
        ["失望", "生气", "尽快", "态度", "赔偿", "disappointing", "angry", "compensation", "still have no money"];
    let upset = upset.map(str::to_owned).to_vec();
    let upset = ClassificationRule {
        rule_id: "upset".to_owned(),
        emotion: Emotion::Upset.into(),
        any_keywords: upset,
        ..ClassificationRule::default()
    };
    let idea =
        ClassificationRule { urgency: Urgency::Low.into(), ..of_kind("ideas", CaseKind::Suggestion, "", "product") };
    let praise = ClassificationRule { urgency: Urgency::Low.into(), ..of_kind("praise", CaseKind::Praise, "", "care") };
    let rules = vec![
        upset,
        of_kind("conduct", CaseKind::UserReport, "conduct", ""),
        idea,
        praise,
        about("payment", &["付款", "付不了", "支付", "payment", "pay"]),
        about("refund", &["退款", "差价", "refund", "difference"]),
        about("delivery", &["快递", "送货", "物流", "地址", "发货", "parcel", "courier", "address", "ship"]),
        about(
            "goods",
            &[
                "破损",
                "少发",
                "发错",
                "不符",
                "坏了",
                "化冻",
                "保质期",
                "torn",
                "missing",
                "wrong item",
                "broke",
                "thawed",
            ],
        ),
        about("membership", &["积分", "优惠券", "会员", "points", "coupon", "member"]),
        of_kind("bugs", CaseKind::Bug, "app", ""),
    ];
    Classification { rules, ..Classification::default() }
}

/// When cases are due: the desk works from nine to nine, not on Sundays.
pub(crate) fn sla_policy(zone: &str) -> SlaPolicy {
    let hours = Frame { start_minute: 9 * 60, end_minute: 21 * 60 };
    let week = (1..=6).map(|weekday| WorkingDay { weekday, frames: vec![hours] }).collect();
    let calendar =
        WorkingCalendar { calendar_id: "desk".to_owned(), zone: zone.to_owned(), week, special_days: vec![] };
    let target = |(quadrant, first_hours, hours): (Quadrant, i32, i32)| QuadrantTarget {
        quadrant: quadrant.into(),
        calendar_id: "desk".to_owned(),
        first_response_minutes: first_hours * 60,
        resolution_minutes: hours * 60,
    };
    let targets = [
        (Quadrant::UrgentImportant, 4, 24),
        (Quadrant::Important, 8, 48),
        (Quadrant::Urgent, 6, 36),
        (Quadrant::Neither, 24, 96),
    ];
    SlaPolicy { calendars: vec![calendar], targets: targets.map(target).to_vec(), ..SlaPolicy::default() }
}

/// What is not allowed, and what comes of it: a warning, then silence for a week, then for a month.
pub(crate) fn abuse() -> Action {
    let mute = |days: i64| LadderStep {
        kind: PenaltyKind::Mute.into(),
        duration: Some(prost_types::Duration { seconds: days * 86_400, nanos: 0 }),
        restrictions: vec!["post".to_owned(), "comment".to_owned()],
    };
    let warn = LadderStep { kind: PenaltyKind::Warn.into(), ..LadderStep::default() };
    Action {
        action_id: ABUSE.to_owned(),
        display_name: text("辱骂与骚扰", "abuse of others"),
        kind: ActionKind::Harmful.into(),
        ladder: Some(Ladder { window_days: 365, steps: vec![warn, mute(7), mute(30)], doubles: false }),
        ..Action::default()
    }
}
