//! The programme that the demo runs: two point types, two earning rules, four levels.

use proto::common::v1::LocalizedText;
use proto::levels::v1::{
    CreatePointTypeRequest, EarningRule, ExpiryPolicy, Level, PeriodEnd, PointType, PublishEarningRuleRequest,
    PublishSchemeRequest, ReversalPolicy, Scheme,
};
use proto::programme::v1::ProgrammeBundle;
use tonic::Code;
use xxhash_rust::xxh3::xxh3_64;

use super::calls::{Calls, told};

/// The spendable point type.
pub(crate) const POINTS: &str = "points";
/// The point type that only counts.
pub(crate) const GROWTH: &str = "growth";
/// The scheme of levels on growth.
pub(crate) const SCHEME: &str = "members";

/// Growth from which each level is reached, and its names.
const LEVELS: [(i64, &str, &str); 4] =
    [(0, "普通", "Basic"), (100, "银卡", "Silver"), (300, "金卡", "Gold"), (1000, "黑卡", "Black")];

/// Puts the programme into force. Applied again it changes nothing.
pub(crate) async fn apply(calls: &Calls, zone: &str) -> anyhow::Result<()> {
    for point_type in point_types(zone) {
        let request = CreatePointTypeRequest { request_id: id(&point_type), point_type: Some(point_type) };
        let create = || {
            let (mut client, request) = (calls.points(), request.clone());
            async move { client.create_point_type(request).await }
        };
        match calls.patiently(create).await {
            // Created by an earlier run whose request record has lapsed.
            Err(status) if status.code() == Code::AlreadyExists => {}
            result => drop(told(result, "CreatePointType")?),
        }
    }
    for rule in rules() {
        let request = PublishEarningRuleRequest { request_id: id(&rule), rule: Some(rule) };
        let publish = || {
            let (mut client, request) = (calls.rules(), request.clone());
            async move { client.publish_earning_rule(request).await }
        };
        told(calls.patiently(publish).await, "PublishEarningRule")?;
    }
    let scheme = scheme();
    let request = PublishSchemeRequest { request_id: id(&scheme), scheme: Some(scheme) };
    let publish = || {
        let (mut client, request) = (calls.levels(), request.clone());
        async move { client.publish_scheme(request).await }
    };
    told(calls.patiently(publish).await, "PublishScheme")?;
    Ok(())
}

/// The same as one document. Stages and RFM have their defaults.
pub(crate) fn programme(zone: &str) -> ProgrammeBundle {
    ProgrammeBundle {
        point_types: point_types(zone).into(),
        earning_rules: rules().into(),
        scheme: Some(scheme()),
        lifecycle_models: None,
    }
}

/// Equal definitions are one request; a changed preset is another one.
fn id(definition: &impl prost::Message) -> String {
    format!("preset:{:016x}", xxh3_64(&definition.encode_to_vec()))
}

fn point_types(zone: &str) -> [PointType; 2] {
    let points = PointType {
        point_type_id: POINTS.to_owned(),
        display_name: text("积分", "points"),
        spendable: true,
        expiry_policy: ExpiryPolicy::Months.into(),
        expiry_count: 6,
        reversal_policy: ReversalPolicy::DownToZero.into(),
        zone: zone.to_owned(),
        create_time: None,
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
        ..EarningRule::default()
    };
    [rule("order-points", POINTS), rule("order-growth", GROWTH)]
}

fn scheme() -> Scheme {
    let level =
        |(rank, (threshold, zh, en)): (i32, (i64, &str, &str))| Level { rank, display_name: text(zh, en), threshold };
    Scheme {
        scheme_id: SCHEME.to_owned(),
        display_name: text("会员等级", "membership"),
        point_type_id: GROWTH.to_owned(),
        levels: (0..).zip(LEVELS).map(level).collect(),
        validity_months: 12,
        period_end: PeriodEnd::Keep.into(),
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
    fn equal_definitions_have_equal_request_ids_and_others_have_others() {
        let [points, growth] = point_types("UTC");
        assert_eq!(id(&points), id(&points.clone()));
        assert_ne!(id(&points), id(&growth));
        assert_ne!(id(&points), id(&point_types("Asia/Shanghai")[0]));
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
