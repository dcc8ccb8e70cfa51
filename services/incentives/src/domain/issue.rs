//! Issuing coupons within their limits.

use std::collections::BTreeMap;

use ids::{Key, UserId};
use time::OffsetDateTime;

use super::coupon::{CouponState, HeldCoupon};
use super::refusal::Refusal;
use super::template::{Distribution, Template};
use super::why_not::WhyNot;

/// Who asks for a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// The user claims it.
    Claim,
    /// A campaign grants it, for an event.
    Grant {
        /// The campaign.
        campaign_id: String,
        /// The event.
        source_event_id: String,
    },
}

/// Templates with what was issued of them, under lock: coupons issued here count at once for the next ones.
#[derive(Debug, Default)]
pub struct Issuing {
    /// The newest versions, with the number of coupons ever issued.
    pub templates: BTreeMap<Key, (Template, i64)>,
    /// Coupons that users ever got.
    pub counts: BTreeMap<(UserId, Key), i32>,
}

impl Issuing {
    /// Issues one coupon, or says why not. Its id follows from the user's number of coupons of the template, so that the
    /// caller can derive it with `id`.
    pub fn issue(
        &mut self,
        user: &UserId,
        template_id: &Key,
        asking: &Asking,
        at: OffsetDateTime,
        id: impl FnOnce(i32) -> String,
    ) -> Result<HeldCoupon, Refusal> {
        let found = self.templates.get_mut(template_id);
        let (template, issued) =
            found.ok_or_else(|| Refusal::CouponTemplateNotFound { template_id: template_id.to_string() })?;
        let count = self.counts.entry((user.clone(), template_id.clone())).or_default();
        if let Some(why_not) = hindrance(template, *issued, *count, asking, at) {
            return Err(refusal(template, why_not));
        }
        let (valid_from, valid_until) = template.lifetime(at);
        let coupon_id = id(*count);
        *issued += 1;
        *count += 1;
        let (campaign_id, source_event_id) = match asking {
            Asking::Claim => Default::default(),
            Asking::Grant { campaign_id, source_event_id } => (campaign_id.clone(), source_event_id.clone()),
        };
        Ok(HeldCoupon {
            user: user.clone(),
            coupon_id,
            template: template_id.clone(),
            template_version: template.version,
            state: CouponState::Held,
            claimed_at: at,
            valid_from,
            valid_until,
            campaign_id,
            source_event_id,
            checkout_id: String::new(),
            reserved_until: None,
            order_id: String::new(),
            revoked: false,
        })
    }
}

/// Why no coupon of a template is issued, where so many were issued and the user got so many of them.
pub fn hindrance(template: &Template, issued: i64, count: i32, asking: &Asking, at: OffsetDateTime) -> Option<WhyNot> {
    let claims = *asking == Asking::Claim;
    let over = template.lifetime(at).1 <= at;
    match template.distribution {
        Distribution::Automatic => return Some(WhyNot::GrantedOnly),
        Distribution::Granted if claims => return Some(WhyNot::GrantedOnly),
        Distribution::Granted | Distribution::Claimable => {}
    }
    if template.paused {
        Some(WhyNot::Paused)
    } else if claims && template.claim_from.is_some_and(|from| at < from) {
        Some(WhyNot::ClaimNotBegun)
    } else if over || claims && template.claim_until.is_some_and(|until| until <= at) {
        Some(WhyNot::ClaimEnded)
    } else if template.stock > 0 && issued >= template.stock {
        Some(WhyNot::OutOfStock)
    } else if template.per_user_max > 0 && count >= template.per_user_max {
        Some(WhyNot::LimitReached)
    } else {
        None
    }
}

fn refusal(template: &Template, why_not: WhyNot) -> Refusal {
    let template_id = template.template_id.clone();
    match why_not {
        WhyNot::OutOfStock => Refusal::CouponOutOfStock { template_id },
        WhyNot::LimitReached => Refusal::CouponLimitReached { template_id, per_user_max: template.per_user_max },
        why_not => Refusal::CouponNotClaimable { template_id, why_not },
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;
    use crate::domain::sample;

    const AT: OffsetDateTime = datetime!(2026-11-11 00:00 UTC);

    fn issuing(template: Template) -> (Issuing, UserId, Key) {
        let key = template.key();
        let issuing = Issuing { templates: [(key.clone(), (template, 0))].into(), counts: BTreeMap::new() };
        (issuing, UserId::new("u").unwrap(), key)
    }

    #[test]
    fn neither_stock_nor_the_limit_per_user_is_overrun_within_a_batch() {
        let (mut issuing, user, key) =
            issuing(Template { stock: 3, per_user_max: 2, ..sample::amount_off("t", 100, 10) });
        let mut claim = |user: &UserId| issuing.issue(user, &key, &Asking::Claim, AT, |n| format!("c{n}"));
        assert_eq!(claim(&user).unwrap().coupon_id, "c0");
        assert_eq!(claim(&user).unwrap().coupon_id, "c1");
        let limit = Refusal::CouponLimitReached { template_id: "t".to_owned(), per_user_max: 2 };
        assert_eq!(claim(&user), Err(limit));
        let other = UserId::new("v").unwrap();
        assert!(claim(&other).is_ok());
        assert_eq!(claim(&other), Err(Refusal::CouponOutOfStock { template_id: "t".to_owned() }));
    }

    #[test]
    fn what_cannot_be_claimed_says_why() {
        let base = sample::amount_off("t", 100, 10);
        let grant = Asking::Grant { campaign_id: "k".to_owned(), source_event_id: "e".to_owned() };
        let over = super::super::template::Validity::Fixed { from: AT - Duration::DAY, until: AT };
        let cases = [
            (
                Template { distribution: Distribution::Granted, ..base.clone() },
                Asking::Claim,
                Some(WhyNot::GrantedOnly),
            ),
            (Template { distribution: Distribution::Granted, ..base.clone() }, grant.clone(), None),
            (
                Template { distribution: Distribution::Automatic, ..base.clone() },
                grant.clone(),
                Some(WhyNot::GrantedOnly),
            ),
            (Template { paused: true, ..base.clone() }, grant.clone(), Some(WhyNot::Paused)),
            (
                Template { claim_from: Some(AT + Duration::SECOND), ..base.clone() },
                Asking::Claim,
                Some(WhyNot::ClaimNotBegun),
            ),
            (Template { claim_until: Some(AT), ..base.clone() }, Asking::Claim, Some(WhyNot::ClaimEnded)),
            (Template { claim_until: Some(AT), ..base.clone() }, grant.clone(), None),
            (Template { validity: over, ..base }, grant, Some(WhyNot::ClaimEnded)),
        ];
        for (template, asking, want) in cases {
            assert_eq!(hindrance(&template, 0, 0, &asking, AT), want, "{asking:?}");
        }
    }

    #[test]
    fn a_relative_coupon_ends_with_a_day_of_the_templates_zone() {
        let validity = super::super::template::Validity::Relative { days: 7 };
        let template = Template { validity, zone: "Asia/Shanghai".to_owned(), ..sample::amount_off("t", 100, 10) };
        let late = datetime!(2026-11-11 15:59:59 UTC); // a second before midnight in Shanghai
        assert_eq!(template.lifetime(late), (late, datetime!(2026-11-19 00:00 +8)));
    }
}
