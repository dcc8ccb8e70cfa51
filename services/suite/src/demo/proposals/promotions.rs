//! The steps of a threshold discount as promotions (满减) that a checkout prices by.

use jiff::ToSpan as _;
use jiff::civil::Date;
use proto::common::v1::LocalizedText;
use proto::incentives::v1::coupon_template::{Benefit, Validity};
use proto::incentives::v1::{
    AmountOff, CouponDistribution, CouponLayer, CouponTemplate, FixedValidity, FunderShare, ThresholdPrice,
};
use proto::profiles::v1::Funder;
use units::money;
use units::time::to_proto;

use super::Coin;
use super::steps::{Step, Steps};
use crate::demo::local::Local;

/// How long the promotions hold from the day after the data on: as long as the data that they were found in.
const MONTHS: i32 = 12;

/// One promotion per step. They are of one layer, so a basket gets the one that saves it most: that of the highest step
/// that it meets. Nobody holds or claims them; they hold between two times, since the contract wants it so.
pub(crate) fn templates(steps: &Steps, coin: &Coin, local: &Local, last: Date) -> Vec<CouponTemplate> {
    let midnight = |date: Date| local.instant(date.at(0, 0, 0, 0)).map(to_proto);
    let from = last.saturating_add(1.day());
    let validity =
        FixedValidity { valid_from: midnight(from), valid_until: midnight(from.saturating_add(MONTHS.months())) };
    (1..).zip(&steps.steps).map(|(number, step)| template(number, step, coin, validity)).collect()
}

fn template(number: usize, step: &Step, coin: &Coin, validity: FixedValidity) -> CouponTemplate {
    let amount = |minor| Some(money::to_proto(minor, coin.currency));
    let (threshold, discount) = (&step.threshold.text, &step.discount.text);
    let texts = [
        ("zh".to_owned(), format!("满 {threshold} 减 {discount}")),
        ("en".to_owned(), format!("{discount} off from {threshold} on")),
    ];
    CouponTemplate {
        template_id: format!("step-{number}"),
        display_name: Some(LocalizedText { texts: texts.into(), fallback: "en".to_owned() }),
        layer: CouponLayer::Shop.into(),
        amount_min: amount(step.threshold.minor),
        threshold_price: ThresholdPrice::List.into(),
        benefit: Some(Benefit::AmountOff(AmountOff { amount: amount(step.discount.minor) })),
        funders: vec![FunderShare { funder: Funder::Shop.into(), basis_points: 10_000 }],
        validity: Some(Validity::FixedValidity(validity)),
        distribution: CouponDistribution::Automatic.into(),
        ..CouponTemplate::default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use time::macros::datetime;

    use super::*;
    use crate::demo::proposals::tests::proposals;

    #[test]
    fn each_step_is_a_promotion_for_the_twelve_months_after_the_data() {
        let coin = Coin { currency: "USD", decimals: 2 };
        let local = Local::new("Asia/Shanghai").expect("the zone exists");
        let steps = proposals().steps.expect("steps");
        let found = templates(&steps, &coin, &local, date(2025, 12, 31));
        let [only] = found.as_slice() else { panic!("{found:?}") };
        let text = &only.display_name.as_ref().expect("a name").texts["zh"];
        assert_eq!((only.template_id.as_str(), text.as_str()), ("step-1", "满 29.00 USD 减 2.00 USD"));
        assert_eq!(only.amount_min, Some(money::to_proto(2900, "USD")));
        let time = |at| Some(to_proto(at));
        let window = FixedValidity {
            valid_from: time(datetime!(2025-12-31 16:00 UTC)),
            valid_until: time(datetime!(2026-12-31 16:00 UTC)),
        };
        assert_eq!(only.validity, Some(Validity::FixedValidity(window)));
    }
}
