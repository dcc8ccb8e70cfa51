//! Benefits and what users have of them.

use proto::levels::v1 as pb;
use units::time::to_proto;
use units::zone::Zone;

use super::{at, rank, text};
use crate::domain::benefit::usage::{BenefitUse, Entitlement};
use crate::domain::benefit::{Benefit, BenefitRange};
use crate::domain::book::Programme;

/// A benefit.
pub fn benefit(it: &Benefit) -> pb::Benefit {
    let range = |it: &BenefitRange| pb::BenefitRange {
        first_rank: rank(it.first_rank),
        last_rank: it.last_rank.map(rank),
        quota: it.quota.map_or(0, small),
    };
    pb::Benefit {
        benefit_id: it.id.to_string(),
        display_name: text(&it.display_name),
        description: it.description.as_ref().and_then(text),
        kind: it.kind.code().into(),
        scheme_id: it.scheme.as_ref().map(ToString::to_string).unwrap_or_default(),
        ranges: it.ranges.iter().map(range).collect(),
        period: it.period.map_or(0, |period| period.code().into()),
        zone: it.zone.as_ref().map(Zone::name).unwrap_or_default().to_owned(),
        valid_from: at(it.valid_from),
        valid_until: at(it.valid_until),
        paused: it.paused,
        cost_minor: it.cost_minor,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// A benefit as it stands for a user of the programme.
pub fn user_benefit(programme: &Programme, it: &Entitlement<'_>) -> pb::UserBenefit {
    let next = it.next.as_ref();
    pb::UserBenefit {
        benefit: Some(benefit(it.benefit)),
        held: it.held,
        quota: it.quota.map(small),
        used: it.used,
        left: it.left(),
        renew_time: at(it.renews_at()),
        next_level: next
            .zip(it.benefit.scheme.as_ref().and_then(|id| programme.schemes.get(id)))
            .and_then(|(next, scheme)| super::level::level(scheme, next.rank)),
        missing: next.map_or(0, |next| next.missing),
        next_quota: next.and_then(|next| next.quota).map(small),
    }
}

/// A use.
pub fn benefit_use(it: &BenefitUse) -> pb::BenefitUse {
    pb::BenefitUse {
        use_id: it.id.to_string(),
        benefit_id: it.benefit.to_string(),
        benefit_version: it.benefit_version,
        rank: it.rank.map(rank),
        count: small(it.count),
        given_back: small(it.given_back),
        cost_minor: it.cost_minor,
        order_id: it.order_id.clone(),
        reason: it.reason.clone(),
        use_time: Some(to_proto(it.used_at)),
    }
}

/// A number of uses: at most a million.
pub(crate) fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
