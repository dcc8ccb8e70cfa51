//! A member page.

use std::collections::BTreeSet;
use std::time::Duration;

use ids::TenantId;
use proto::common::v1::Position;
use proto::feedback::v1::Case;
use proto::incentives::v1::{ListCouponsResponse, RestrictionStatus};
use proto::levels::v1::{PointStanding, SchemeStanding, UserBenefit};
use tokio::time::Instant;
use tonic::Status;

use crate::Profiles;
use crate::domain::profile::Profile;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::peers::member::{About, by};

/// A part of a member page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberPart {
    /// Who the user is.
    Profile,
    /// Standings in schemes.
    Levels,
    /// Balances of spendable point types.
    Points,
    /// Coupons.
    Coupons,
    /// Cases.
    Cases,
    /// What is not allowed.
    Restrictions,
    /// What the level entitles to.
    Benefits,
}

impl MemberPart {
    /// All parts, in their order.
    pub const ALL: [Self; 7] =
        [Self::Profile, Self::Levels, Self::Points, Self::Coupons, Self::Cases, Self::Restrictions, Self::Benefits];
}

/// Which page is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct AskedPage {
    /// Whose, by any id.
    pub user_id: String,
    /// What it consists of.
    pub parts: BTreeSet<MemberPart>,
    /// The language of its texts; empty: the user's.
    pub locale: String,
    /// What it must include.
    pub at_least: Vec<Position>,
}

/// A part: `None` where nobody asked for it.
pub type Gathered<T> = Option<Result<T, Box<Status>>>;

/// A page with its texts in all languages.
#[derive(Debug)]
pub struct MemberPage {
    /// The language to show it in; empty: unknown.
    pub locale: String,
    /// The user, with the terms of the tenant.
    pub profile: Gathered<(Profile, Terms)>,
    /// Standings.
    pub levels: Gathered<Vec<SchemeStanding>>,
    /// Balances.
    pub points: Gathered<Vec<PointStanding>>,
    /// Coupons.
    pub coupons: Gathered<ListCouponsResponse>,
    /// Cases, ended ones too.
    pub cases: Gathered<Vec<Case>>,
    /// What is not allowed now.
    pub restrictions: Gathered<Vec<RestrictionStatus>>,
    /// Benefits in force, those too that are not held.
    pub benefits: Gathered<Vec<UserBenefit>>,
}

impl Profiles {
    /// See `MemberService.GetMemberPage`. `profile` reads the user, if it is needed.
    pub async fn member_page(
        &self,
        tenant: &TenantId,
        asked: AskedPage,
        profile: impl Future<Output = Result<(Profile, Terms), ProfilesError>>,
    ) -> MemberPage {
        let AskedPage { user_id, parts, locale, at_least } = asked;
        let until = Instant::now() + part_time(self.settings.member_part(), rt::remaining());
        let about = About::new(&self.peers, tenant, (&user_id, &at_least), until);
        let wanted = |part| parts.contains(&part);
        let knows_locale = !locale.is_empty();
        let standing = wanted(MemberPart::Levels) || wanted(MemberPart::Points);
        let (profile, standing, coupons, cases, restrictions, benefits) = tokio::join!(
            part(wanted(MemberPart::Profile) || !knows_locale, by(until, "profiles", profile)),
            part(standing, by(until, "levels", about.standing())),
            part(wanted(MemberPart::Coupons), by(until, "incentives", about.coupons())),
            part(wanted(MemberPart::Cases), by(until, "feedback", about.cases())),
            part(wanted(MemberPart::Restrictions), by(until, "incentives", about.restrictions())),
            part(wanted(MemberPart::Benefits), by(until, "levels", about.benefits())),
        );
        let (levels, points) = match standing {
            Some(Ok(standing)) => (Some(Ok(standing.schemes)), Some(Ok(standing.points))),
            Some(Err(status)) => (Some(Err(status.clone())), Some(Err(status))),
            None => (None, None),
        };
        let levels = levels.filter(|_| wanted(MemberPart::Levels));
        let points = points.filter(|_| wanted(MemberPart::Points));
        let of_user = match &profile {
            Some(Ok((profile, _))) if !knows_locale => profile.traits.locale.clone(),
            _ => locale,
        };
        let profile = profile.filter(|_| wanted(MemberPart::Profile));
        MemberPage { locale: of_user, profile, levels, points, coupons, cases, restrictions, benefits }
    }
}

async fn part<T>(wanted: bool, gather: impl Future<Output = Result<T, Box<Status>>>) -> Gathered<T> {
    if wanted { Some(gather.await) } else { None }
}

/// How long parts may take, so that a page is still answered in time without those that take longer.
fn part_time(most: Duration, left: Option<Duration>) -> Duration {
    left.map_or(most, |left| most.min(left / 10 * 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_a_tenth_of_the_callers_time_for_the_answer() {
        let ms = Duration::from_millis;
        assert_eq!(part_time(ms(140), None), ms(140));
        assert_eq!(part_time(ms(140), Some(ms(10_000))), ms(140));
        assert_eq!(part_time(ms(140), Some(ms(100))), ms(90));
        assert_eq!(part_time(ms(140), Some(ms(0))), ms(0));
    }
}
