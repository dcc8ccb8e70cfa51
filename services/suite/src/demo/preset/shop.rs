//! The coupons and campaigns of the generated year.

use proto::google::r#type::Money;
use proto::incentives::v1::{
    AmountOff, Campaign, CampaignBudget, CouponDistribution, CouponLayer, CouponReward, CouponTemplate, FunderShare,
    LimitPeriod, PercentOff, PointsReward, RandomPointsReward, RelativeValidity, ReturnPolicy, StepOff, ThresholdPrice,
    UserLimit, campaign, campaign_budget, coupon_template,
};
use proto::profiles::v1::Funder;

use super::{POINTS, text};
use crate::demo::deed::money;

/// Claimed by newcomers.
pub(crate) const WELCOME: &str = "welcome";
/// Claimed again and again; paid for by a bank, for the most part.
pub(crate) const PAYDAY: &str = "payday";
/// Claimed at festivals.
pub(crate) const FESTIVAL: &str = "festival";
/// Given for a level.
const LEVEL_UP: &str = "level-up";
/// Given to those who are dormant.
pub(crate) const COME_BACK: &str = "come-back";
/// Days without a sign of life after which a buyer is dormant: the default of profiles.
pub(crate) const DORMANT_DAYS: u32 = 90;

/// Events are reported once a day.
const EVENT_AGE_MAX: prost_types::Duration = prost_types::Duration { seconds: 48 * 3600, nanos: 0 };

/// Where the shop is, and how large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop<'a> {
    /// Of its days.
    pub zone: &'a str,
    /// Of its amounts.
    pub currency: &'a str,
    /// Its users.
    pub users: u32,
}

impl Shop<'_> {
    /// What a campaign may cost, by what it may cost for each user. So much that no budget runs out: which of two users gets
    /// the last of it would be a matter of luck.
    fn budget(&self, each: i64) -> i64 {
        i64::from(self.users.max(300)) * each
    }

    fn money(&self, minor: i64) -> Option<Money> {
        money(minor, self.currency)
    }

    /// The coupons.
    pub(crate) fn templates(&self) -> Vec<CouponTemplate> {
        use CouponDistribution::{Claimable, Granted};
        use coupon_template::Benefit;
        let off = |minor| Benefit::AmountOff(AmountOff { amount: self.money(minor) });
        let steps = StepOff { every: self.money(10_000), amount: self.money(1_000), times_max: 3 };
        let percent = PercentOff { basis_points: 1_500, amount_max: self.money(3_000) };
        let shop = [(Funder::Shop, 10_000)];
        let welcome = self.template(WELCOME, ("新人满30减5", "5 off 30 for newcomers"), off(500), (3_000, 30, 1));
        let payday = self.template(PAYDAY, ("发薪日满50减3", "Payday: 3 off 50"), off(300), (5_000, 7, 6));
        let festival = self.template(
            FESTIVAL,
            ("大促每满100减10", "Festival: 10 off each 100"),
            Benefit::StepOff(steps),
            (10_000, 5, 2),
        );
        let level_up = self.template(LEVEL_UP, ("升级礼满80减15", "Level gift: 15 off 80"), off(1_500), (8_000, 60, 0));
        let come_back = self.template(
            COME_BACK,
            ("回归礼85折", "Welcome back: 15 % off"),
            Benefit::PercentOff(percent),
            (0, 30, 0),
        );
        [
            (welcome, CouponLayer::Shop, Claimable, &shop[..]),
            (payday, CouponLayer::Payment, Claimable, &[(Funder::Partner, 7_000), (Funder::Shop, 3_000)]),
            (festival, CouponLayer::Platform, Claimable, &[(Funder::Platform, 10_000)]),
            (level_up, CouponLayer::Shop, Granted, &shop),
            (come_back, CouponLayer::Shop, Granted, &shop),
        ]
        .into_iter()
        .map(|(template, layer, distribution, funders)| {
            let share = |(funder, basis_points): &(Funder, i32)| FunderShare {
                funder: (*funder).into(),
                basis_points: *basis_points,
            };
            let funders = funders.iter().map(share).collect();
            CouponTemplate { layer: layer.into(), distribution: distribution.into(), funders, ..template }
        })
        .collect()
    }

    fn template(
        &self,
        id: &str,
        (zh, en): (&str, &str),
        benefit: coupon_template::Benefit,
        (from_minor, days, per_user_max): (i64, i32, i32),
    ) -> CouponTemplate {
        let validity = RelativeValidity { days, zone: self.zone.to_owned() };
        CouponTemplate {
            template_id: id.to_owned(),
            display_name: text(zh, en),
            amount_min: (from_minor > 0).then(|| self.money(from_minor)).flatten(),
            threshold_price: ThresholdPrice::List.into(),
            benefit: Some(benefit),
            validity: Some(coupon_template::Validity::RelativeValidity(validity)),
            per_user_max,
            ..CouponTemplate::default()
        }
    }

    /// The campaigns.
    pub(crate) fn campaigns(&self) -> Vec<Campaign> {
        use campaign::Reward;
        let points = |formula: &str| {
            Reward::Points(PointsReward { point_type_id: POINTS.to_owned(), formula: formula.to_owned() })
        };
        let coupon =
            |id: &str, cost| Reward::Coupon(CouponReward { template_id: id.to_owned(), cost: self.money(cost) });
        let lucky = RandomPointsReward { point_type_id: POINTS.to_owned(), min: 5, max: 60 };
        let once = [(LimitPeriod::Always, 1)];
        let mut come_back = self.campaign(
            (COME_BACK, "沉睡用户回归", "Come back"),
            ("stage.moved", "stage.to == 'dormant'"),
            (coupon(COME_BACK, 1_500), 4_000),
            &[(LimitPeriod::Always, 2)],
        );
        come_back.holdout_basis_points = 2_000;
        vec![
            self.campaign(
                ("first-order", "首单奖励", "First order"),
                ("order.completed", "order.first"),
                (points("50"), 80),
                &once,
            ),
            self.campaign(
                ("lucky-order", "满额抽积分", "Lucky points"),
                ("order.completed", "order.total_minor >= 10000"),
                (Reward::RandomPoints(lucky), 200),
                &[(LimitPeriod::Week, 1)],
            ),
            self.campaign(
                (LEVEL_UP, "升级礼", "Level gift"),
                ("level.moved", "move.up"),
                (coupon(LEVEL_UP, 1_500), 6_000),
                &[(LimitPeriod::Month, 1)],
            ),
            come_back,
            self.campaign(
                ("care", "投诉关怀", "Care after a complaint"),
                ("case.resolved", "case.kind == 'complaint'"),
                (points("30"), 60),
                &[(LimitPeriod::Month, 1), (LimitPeriod::Always, 3)],
            ),
        ]
    }

    fn campaign(
        &self,
        (id, zh, en): (&str, &str, &str),
        (event_type, condition): (&str, &str),
        (reward, each): (campaign::Reward, i64),
        limits: &[(LimitPeriod, i32)],
    ) -> Campaign {
        let measure = match reward {
            campaign::Reward::Coupon(_) => self.money(self.budget(each)).map(campaign_budget::Measure::Money),
            _ => Some(campaign_budget::Measure::Points(self.budget(each))),
        };
        let limit =
            |(period, grants_max): &(LimitPeriod, i32)| UserLimit { period: (*period).into(), grants_max: *grants_max };
        Campaign {
            campaign_id: id.to_owned(),
            display_name: text(zh, en),
            event_type: event_type.to_owned(),
            condition: Some(campaign::Condition::Expression(condition.to_owned())),
            max_event_age: Some(EVENT_AGE_MAX),
            zone: self.zone.to_owned(),
            user_limits: limits.iter().map(limit).collect(),
            budget: Some(CampaignBudget { measure }),
            return_policy: ReturnPolicy::LimitsAndBudget.into(),
            funder: Funder::Shop.into(),
            reward: Some(reward),
            ..Campaign::default()
        }
    }
}
