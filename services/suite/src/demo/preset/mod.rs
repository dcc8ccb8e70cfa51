//! The programme that the demo runs: two point types, two earning rules, four levels; in the generated year also coupons,
//! campaigns, and a desk.

mod desk;
mod shop;

use prost::Message as _;
use proto::common::v1::LocalizedText;
use proto::incentives::v1::ApproveCampaignRequest;
use proto::levels::v1::{
    ActivationPolicy, DowngradePolicy, EarningRule, ExpiryPolicy, GroupChoice, Level, MeasureBasis, MultiplierMix,
    PeriodEnd, PointType, ReversalPolicy, Rounding, Scheme, UpgradePolicy,
};
use proto::programme::v1::{ApplyProgrammeRequest, ProgrammeBundle};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::desk::ABUSE;
pub(crate) use self::shop::{COME_BACK, DORMANT_DAYS, FESTIVAL, PAYDAY, Shop, WELCOME};
use super::calls::{Calls, call, told};

/// The spendable point type.
pub(crate) const POINTS: &str = "points";
/// The point type that only counts.
pub(crate) const GROWTH: &str = "growth";
/// The scheme of levels on growth.
pub(crate) const SCHEME: &str = "members";

/// Growth from which each level is reached, and its names.
const LEVELS: [(i64, &str, &str); 4] =
    [(0, "普通", "Basic"), (100, "银卡", "Silver"), (300, "金卡", "Gold"), (1000, "黑卡", "Black")];

/// Puts a programme into force. Applied again it changes nothing.
pub(crate) async fn apply(calls: &Calls, bundle: ProgrammeBundle) -> anyhow::Result<()> {
    let request_id = id(&bundle);
    let request = ApplyProgrammeRequest {
        request_id: request_id.clone(),
        bundle: Some(bundle),
        etag: String::new(),
        note: "the demo's preset".to_owned(),
    };
    let applied = told(call!(calls, programmes, apply_programme, request), "ApplyProgramme")?;
    for campaign_id in applied.awaiting_approval {
        // whoever applies a programme does not approve its campaigns
        let request_id = format!("{request_id}:{campaign_id}");
        let request = ApproveCampaignRequest { request_id, campaign_id, etag: String::new() };
        told(call!(calls, approvals, approve_campaign, request), "ApproveCampaign")?;
    }
    Ok(())
}

/// The programme of the generated year: with coupons, campaigns and a desk.
pub(crate) fn of_shop(shop: &Shop<'_>) -> ProgrammeBundle {
    ProgrammeBundle {
        coupon_templates: shop.templates(),
        campaigns: shop.campaigns(),
        actions: vec![desk::abuse()],
        case_types: desk::case_types(),
        sla_policy: Some(desk::sla_policy(shop.zone)),
        classification: Some(desk::classification()),
        ..programme(shop.zone)
    }
}

/// The programme as one document. Stages and RFM have their defaults.
pub(crate) fn programme(zone: &str) -> ProgrammeBundle {
    ProgrammeBundle {
        point_types: point_types(zone).into(),
        earning_rules: rules().into(),
        scheme: Some(scheme()),
        ..ProgrammeBundle::default()
    }
}

/// Equal programmes are one request; a changed preset is another one.
fn id(programme: &ProgrammeBundle) -> String {
    format!("preset:{:016x}", xxh3_64(&programme.encode_to_vec()))
}

fn point_types(zone: &str) -> [PointType; 2] {
    let points = PointType {
        point_type_id: POINTS.to_owned(),
        display_name: text("积分", "points"),
        spendable: true,
        activation_policy: ActivationPolicy::AtOnce.into(),
        rounding: Rounding::Down.into(),
        expiry_policy: ExpiryPolicy::Months.into(),
        expiry_count: 6,
        reversal_policy: ReversalPolicy::DownToZero.into(),
        zone: zone.to_owned(),
        ..PointType::default()
    };
    let growth = PointType {
        point_type_id: GROWTH.to_owned(),
        display_name: text("成长值", "growth"),
        spendable: false,
        expiry_policy: ExpiryPolicy::Never.into(),
        expiry_count: 0,
        ..points.clone()
    };
    [points, growth]
}

/// One point and one growth value per hundred minor units of a completed order: a dollar, or a hundred yen.
fn rules() -> [EarningRule; 2] {
    let rule = |rule_id: &str, point_type_id: &str| EarningRule {
        rule_id: rule_id.to_owned(),
        point_type_id: point_type_id.to_owned(),
        event_type: "order.completed".to_owned(),
        formula: "order.total_minor / 100".to_owned(),
        multiplier_mix: MultiplierMix::Product.into(),
        group_choice: GroupChoice::Priority.into(),
        ..EarningRule::default()
    };
    [rule("order-points", POINTS), rule("order-growth", GROWTH)]
}

fn scheme() -> Scheme {
    let level = |(rank, (threshold, zh, en)): (i32, (i64, &str, &str))| Level {
        rank,
        display_name: text(zh, en),
        threshold,
        ..Level::default()
    };
    Scheme {
        scheme_id: SCHEME.to_owned(),
        display_name: text("会员等级", "membership"),
        point_type_id: GROWTH.to_owned(),
        levels: (0..).zip(LEVELS).map(level).collect(),
        validity_months: 12,
        period_end: PeriodEnd::Keep.into(),
        basis: MeasureBasis::Growth.into(),
        upgrade_policy: UpgradePolicy::AtOnce.into(),
        downgrade_policy: DowngradePolicy::AtReview.into(),
        ..Scheme::default()
    }
}

fn text(zh: &str, en: &str) -> Option<LocalizedText> {
    let texts = [("zh".to_owned(), zh.to_owned()), ("en".to_owned(), en.to_owned())].into();
    Some(LocalizedText { texts, fallback: "en".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_programmes_have_equal_request_ids_and_others_have_others() {
        assert_eq!(id(&programme("UTC")), id(&programme("UTC")));
        assert_ne!(id(&programme("UTC")), id(&programme("Asia/Shanghai")));
    }

    #[test]
    fn levels_start_at_zero_and_rise() {
        let levels = scheme().levels;
        assert_eq!((levels[0].rank, levels[0].threshold), (0, 0));
        assert!(
            levels.windows(2).all(|pair| pair[0].rank + 1 == pair[1].rank && pair[0].threshold < pair[1].threshold)
        );
    }
}
