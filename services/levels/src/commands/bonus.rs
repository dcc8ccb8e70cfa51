use ids::TenantId;
use pg::{StoreError, Tx};
use status::Violations;

use crate::domain::badge::Badge;
use crate::domain::bonus::Bonus;
use crate::domain::refusal::Refusal;
use crate::store;

/// What is wrong with bonuses in the light of what is stored.
pub(super) enum Fault {
    /// They name what there is not.
    Refused(Refusal),
    /// They name a tier that a badge does not have.
    Invalid(Violations),
}

/// Whether bonuses, each with the field that it stands in, name point types and badges that there are.
pub(super) async fn check(
    tx: &mut Tx,
    tenant: &TenantId,
    bonuses: &[(String, &Bonus)],
) -> Result<Option<Fault>, StoreError> {
    let points = || bonuses.iter().flat_map(|(_, bonus)| &bonus.points);
    let wanted: Vec<&str> = points().map(|it| it.point_type.as_str()).collect();
    if !wanted.is_empty() {
        let types = store::point_type::read(tx, tenant, &wanted).await?;
        if let Some(missing) = points().find(|it| !types.contains_key(&it.point_type)) {
            let point_type_id = missing.point_type.to_string();
            return Ok(Some(Fault::Refused(Refusal::PointTypeNotFound { point_type_id })));
        }
    }
    if bonuses.iter().all(|(_, bonus)| bonus.badge.is_none()) {
        return Ok(None);
    }
    let badges = store::badge::all(tx, tenant).await?;
    for (field, bonus) in bonuses {
        let Some(it) = &bonus.badge else { continue };
        let Some(badge) = badges.get(&it.badge) else {
            return Ok(Some(Fault::Refused(Refusal::BadgeNotFound { badge_id: it.badge.to_string() })));
        };
        if let Some(violations) = tier_fault(badge, it.tier, &format!("{field}.badge_tier")) {
            return Ok(Some(Fault::Invalid(violations)));
        }
    }
    Ok(None)
}

/// What is wrong with a tier of a badge; `None`: nothing.
pub(super) fn tier_fault(badge: &Badge, tier: usize, field: &str) -> Option<Violations> {
    (tier > badge.tiers()).then(|| {
        let mut violations = Violations::new();
        violations.add(field, format!("must be at most {}: the badge has no more tiers", badge.tiers()));
        violations
    })
}
