//! What other services answered, as the parts of a member page in one language.

use proto::common::v1::LocalizedText;
use proto::feedback::v1::{Case, CaseState};
use proto::incentives::v1::{Coupon, ListCouponsResponse, PenaltyKind, RestrictionStatus};
use proto::levels::v1::{BenefitKind, Level, PointStanding, SchemeStanding, UserBenefit};
use proto::profiles::v1 as pb;
use units::text::closest;

/// Coupons that a page shows.
const SOONEST_MAX: usize = 3;

fn text(text: Option<&LocalizedText>, locale: &str) -> String {
    text.map_or("", |text| closest(text, locale)).to_owned()
}

/// The part LEVELS.
pub(crate) fn levels(standings: Vec<SchemeStanding>, locale: &str) -> pb::MemberLevels {
    let name = |level: Option<&Level>| text(level.and_then(|level| level.display_name.as_ref()), locale);
    let standings = standings.into_iter().filter_map(|it| Some((it.scheme?, it.member?)));
    let standings = standings.map(|(scheme, member)| pb::LevelStanding {
        scheme_name: text(scheme.display_name.as_ref(), locale),
        scheme_id: scheme.scheme_id,
        rank: member.level.as_ref().map_or(0, |level| level.rank),
        level_name: name(member.level.as_ref()),
        since: member.since,
        valid_until: member.valid_until,
        growth: member.growth,
        next_level_name: name(member.next_level.as_ref()),
        next_threshold: member.next_level.as_ref().map_or(0, |level| level.threshold),
        missing: member.missing,
    });
    pb::MemberLevels { standings: standings.collect() }
}

/// The part POINTS.
pub(crate) fn points(balances: Vec<PointStanding>, locale: &str) -> pb::MemberPoints {
    let balances = balances.into_iter().filter_map(|it| Some((it.point_type?, it.balance?)));
    let balances = balances.map(|(point_type, balance)| {
        let soonest = balance.expiring.first();
        pb::PointBalance {
            name: text(point_type.display_name.as_ref(), locale),
            point_type_id: point_type.point_type_id,
            available: balance.available,
            held: balance.held,
            expiring: soonest.map_or(0, |soonest| soonest.amount),
            expires_at: soonest.and_then(|soonest| soonest.expires_at),
        }
    });
    pb::MemberPoints { balances: balances.collect() }
}

/// The part COUPONS.
pub(crate) fn coupons(found: &ListCouponsResponse, locale: &str) -> pb::MemberCoupons {
    let usable: Vec<&Coupon> =
        found.coupons.iter().filter(|it| it.hindrance.is_none()).filter_map(|it| it.coupon.as_ref()).collect();
    let soonest = usable.iter().take(SOONEST_MAX).map(|coupon| pb::UsableCoupon {
        coupon_id: coupon.coupon_id.clone(),
        template_id: coupon.template_id.clone(),
        name: text(coupon.display_name.as_ref(), locale),
        valid_until: coupon.valid_until,
    });
    pb::MemberCoupons {
        usable: i32::try_from(usable.len()).unwrap_or(i32::MAX),
        more: !found.next_page_token.is_empty(),
        soonest: soonest.collect(),
    }
}

/// The part CASES: those that are open.
pub(crate) fn cases(found: &[Case]) -> pb::MemberCases {
    let open = found.iter().filter_map(|case| {
        let state = match case.state() {
            CaseState::New => pb::OpenCaseState::New,
            CaseState::InProgress => pb::OpenCaseState::InProgress,
            CaseState::AwaitingUser => pb::OpenCaseState::AwaitingUser,
            CaseState::Resolved | CaseState::Unspecified => return None,
        };
        Some(pb::OpenCase {
            case_id: case.case_id.clone(),
            case_type_id: case.case_type_id.clone(),
            state: state.into(),
            submitted_at: case.submitted_at,
            promised_until: case.promised_until,
        })
    });
    pb::MemberCases { cases: open.collect() }
}

/// The part RESTRICTIONS.
pub(crate) fn restrictions(found: &[RestrictionStatus]) -> pb::MemberRestrictions {
    let restriction = |it: &RestrictionStatus| pb::MemberRestriction {
        restriction: it.restriction.clone(),
        kind: match it.kind() {
            PenaltyKind::Mute => pb::RestrictionKind::Mute,
            PenaltyKind::Warn | PenaltyKind::Unspecified => pb::RestrictionKind::Unspecified, // restrict nothing
        }
        .into(),
        action_id: it.action_id.clone(),
        until: it.until,
    };
    pb::MemberRestrictions { restrictions: found.iter().map(restriction).collect() }
}

/// The part BENEFITS: those that are held, to use or to show.
pub(crate) fn benefits(found: Vec<UserBenefit>, locale: &str) -> pb::MemberBenefits {
    let held = found.into_iter().filter(|it| it.held).filter_map(|it| {
        let benefit = it.benefit?;
        let cosmetic = match benefit.kind() {
            BenefitKind::Service => false,
            BenefitKind::Cosmetic => true,
            BenefitKind::Restriction | BenefitKind::Unspecified => return None,
        };
        Some(pb::HeldBenefit {
            name: text(benefit.display_name.as_ref(), locale),
            description: text(benefit.description.as_ref(), locale),
            benefit_id: benefit.benefit_id,
            cosmetic,
            used: it.used,
            left: it.left,
            renew_time: it.renew_time,
        })
    });
    pb::MemberBenefits { benefits: held.collect() }
}
