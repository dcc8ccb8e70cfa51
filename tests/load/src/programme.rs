//! The tenant and its programme, and what some users have before sections read it.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use proto::admin::v1 as admin;
use proto::common::v1::LocalizedText;
use proto::google::r#type::Money;
use proto::incentives::v1::{
    ApproveCampaignRequest, Campaign, CampaignBudget, ClaimCouponRequest, CouponDistribution, CouponLayer,
    CouponTemplate, FixedValidity, FunderShare, ImposePenaltyRequest, Penalty, PenaltyKind, PercentOff, PointsReward,
    PublishCouponTemplateRequest, RelativeValidity, ReturnPolicy, ThresholdPrice, campaign, campaign_budget,
    coupon_template,
};
use proto::levels::v1::{
    ActivationPolicy, EarningRule, ExpiryPolicy, Level, PeriodEnd, PointType, ReversalPolicy, Scheme,
};
use proto::profiles::v1::Funder;
use proto::programme::v1::{ApplyProgrammeRequest, ProgrammeBundle};
use time::{Duration, OffsetDateTime};
use units::time::to_proto;

use crate::client::fresh;
use crate::rig::{Rig, tenant};

/// The points that are earned and spent.
pub(crate) const POINTS: &str = "points";
/// The template of which there is enough.
pub(crate) const TEMPLATE: &str = "bench";
/// What a restricted user may not do.
pub(crate) const RESTRICTION: &str = "comment";
/// The first so many users hold coupons, every tenth of them a penalty.
pub(crate) const HOLDERS: u64 = 2_000;
/// Coupons of each.
pub(crate) const COUPONS: usize = 3;
/// Calls under way while holders get what they hold.
const PREPARING: usize = 64;
const ENOUGH: i64 = 1_000_000_000;

/// Makes the tenant and puts its programme into force: two point types that orders earn, four levels, a coupon, a
/// promotion, and a campaign with one budget for all.
pub(crate) async fn apply(rig: &Rig) -> anyhow::Result<()> {
    let tenant = admin::Tenant {
        tenant_id: tenant()?.to_string(),
        display_name: "bench".to_owned(),
        zone: "UTC".to_owned(),
        currency: "USD".to_owned(),
        ..Default::default()
    };
    let request = admin::CreateTenantRequest { request_id: "tenant".to_owned(), tenant: Some(tenant) };
    rig.operator().tenants().create_tenant(fresh(request)).await?;
    let points = PointType {
        point_type_id: POINTS.to_owned(),
        display_name: text(),
        spendable: true,
        activation_policy: ActivationPolicy::AtOnce.into(),
        expiry_policy: ExpiryPolicy::Days.into(),
        expiry_count: 365,
        reversal_policy: ReversalPolicy::DownToZero.into(),
        zone: "UTC".to_owned(),
        ..PointType::default()
    };
    let growth = PointType { point_type_id: "growth".to_owned(), spendable: false, ..points.clone() };
    let bundle = ProgrammeBundle {
        point_types: vec![points, growth],
        earning_rules: vec![rule("order-points", POINTS), rule("order-growth", "growth")],
        scheme: Some(scheme()),
        coupon_templates: vec![template(TEMPLATE, ENOUGH), promotion()],
        campaigns: vec![campaign()],
        ..Default::default()
    };
    let request =
        ApplyProgrammeRequest { request_id: "programme".to_owned(), bundle: Some(bundle), ..Default::default() };
    let applied = rig.client(0).programmes().apply_programme(fresh(request)).await?.into_inner();
    for campaign_id in applied.awaiting_approval {
        let request = ApproveCampaignRequest { request_id: campaign_id.clone(), campaign_id, ..Default::default() };
        rig.approver().campaigns().approve_campaign(fresh(request)).await?;
    }
    Ok(())
}

/// Publishes a template of which there are so many.
pub(crate) async fn scarce(rig: &Rig, template_id: &str, stock: i64) -> anyhow::Result<()> {
    let request = PublishCouponTemplateRequest {
        request_id: template_id.to_owned(),
        template: Some(template(template_id, stock)),
        ..Default::default()
    };
    rig.client(0).coupons().publish_coupon_template(fresh(request)).await?;
    Ok(())
}

/// Gives the holders their coupons and penalties. Known already when it is done again.
pub(crate) async fn hold(rig: &Rig, users: u64) -> anyhow::Result<()> {
    let until = OffsetDateTime::now_utc().replace_time(time::Time::MIDNIGHT) + Duration::days(100);
    let users = stream::iter(0..users.min(HOLDERS)).map(|number| {
        let client = rig.client(number as usize);
        async move {
            let user_id = format!("u{number}");
            for nth in 0..COUPONS {
                let request_id = format!("hold-{number}-{nth}");
                let template_id = TEMPLATE.to_owned();
                let request = ClaimCouponRequest { request_id, user_id: user_id.clone(), template_id };
                client.coupons().claim_coupon(fresh(request)).await?;
            }
            if restricted(number) {
                let penalty = Penalty {
                    penalty_id: "bench".to_owned(),
                    user_id,
                    kind: PenaltyKind::Mute.into(),
                    restrictions: vec![RESTRICTION.to_owned()],
                    until: Some(to_proto(until)),
                    reason: "bench".to_owned(),
                    ..Default::default()
                };
                let request = ImposePenaltyRequest { request_id: format!("mute-{number}"), penalty: Some(penalty) };
                client.penalties().impose_penalty(fresh(request)).await?;
            }
            anyhow::Ok(())
        }
    });
    users.buffer_unordered(PREPARING).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Whether a holder has a penalty.
pub(crate) fn restricted(number: u64) -> bool {
    number.is_multiple_of(10)
}

/// So many cents.
pub(crate) fn usd(cents: i64) -> Option<Money> {
    let nanos = i32::try_from(cents % 100).unwrap_or(0) * 10_000_000;
    Some(Money { currency_code: "USD".to_owned(), units: cents / 100, nanos })
}

fn text() -> Option<LocalizedText> {
    Some(LocalizedText { texts: [("en".to_owned(), "bench".to_owned())].into(), ..Default::default() })
}

fn rule(rule_id: &str, point_type_id: &str) -> EarningRule {
    EarningRule {
        rule_id: rule_id.to_owned(),
        point_type_id: point_type_id.to_owned(),
        event_type: "order.completed".to_owned(),
        formula: "order.total_minor / 100".to_owned(),
        ..Default::default()
    }
}

fn scheme() -> Scheme {
    let level = |(rank, threshold)| Level { rank, display_name: text(), threshold, ..Level::default() };
    Scheme {
        scheme_id: "members".to_owned(),
        display_name: text(),
        point_type_id: "growth".to_owned(),
        levels: [(0, 0), (1, 500), (2, 2_000), (3, 10_000)].map(level).into(),
        validity_months: 12,
        period_end: PeriodEnd::Keep.into(),
        ..Default::default()
    }
}

fn template(template_id: &str, stock: i64) -> CouponTemplate {
    CouponTemplate {
        template_id: template_id.to_owned(),
        display_name: text(),
        layer: CouponLayer::Shop.into(),
        threshold_price: ThresholdPrice::List.into(),
        benefit: Some(coupon_template::Benefit::PercentOff(PercentOff { basis_points: 1_000, amount_max: usd(5_000) })),
        funders: vec![FunderShare { funder: Funder::Shop.into(), basis_points: 10_000 }],
        validity: Some(coupon_template::Validity::RelativeValidity(RelativeValidity {
            days: 30,
            zone: "UTC".to_owned(),
        })),
        stock,
        distribution: CouponDistribution::Claimable.into(),
        ..Default::default()
    }
}

fn promotion() -> CouponTemplate {
    let now = OffsetDateTime::now_utc();
    let window = FixedValidity {
        valid_from: Some(to_proto(now - Duration::days(1))),
        valid_until: Some(to_proto(now + Duration::days(30))),
    };
    CouponTemplate {
        stock: 0,
        distribution: CouponDistribution::Automatic.into(),
        validity: Some(coupon_template::Validity::FixedValidity(window)),
        ..template("promotion", 0)
    }
}

/// Points for every paid order, out of one budget.
fn campaign() -> Campaign {
    Campaign {
        campaign_id: "budget".to_owned(),
        display_name: text(),
        event_type: "order.paid".to_owned(),
        condition: Some(campaign::Condition::Expression("order.total_minor > 0".to_owned())),
        zone: "UTC".to_owned(),
        budget: Some(CampaignBudget { measure: Some(campaign_budget::Measure::Points(ENOUGH)) }),
        return_policy: ReturnPolicy::LimitsAndBudget.into(),
        funder: Funder::Shop.into(),
        reward: Some(campaign::Reward::Points(PointsReward {
            point_type_id: POINTS.to_owned(),
            formula: "10".to_owned(),
        })),
        ..Default::default()
    }
}
