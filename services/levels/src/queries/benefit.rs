use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use service::Page;
use time::OffsetDateTime;

use super::resolve;
use crate::domain::benefit::Benefit;
use crate::domain::benefit::sentence::sentence;
use crate::domain::benefit::usage::{BenefitUse, Entitlement};
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Whether something is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Why not.
    pub refusal: Option<Refusal>,
    /// The same for the user.
    pub sentence: proto::common::v1::LocalizedText,
    /// The benefit as it stands for the user.
    pub benefit: pb::UserBenefit,
}

impl Levels {
    /// See `BenefitService.GetBenefit`.
    pub async fn benefit(&self, tenant: &TenantId, id: &Key) -> Result<Benefit, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        Ok(benefit(&programme, id)?.clone())
    }

    /// See `BenefitService.ListBenefits`: those after an id.
    pub async fn list_benefits(
        &self,
        tenant: &TenantId,
        after: &str,
        size: i64,
    ) -> Result<Page<Benefit, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (programme, _) = self.programme.now(&mut tx, tenant).await?;
        tx.rollback().await?;
        let rows = programme.benefits.values().filter(|it| it.id.as_str() > after);
        let rows = rows.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).cloned().collect();
        Ok(Page::of(rows, size, |it: &Benefit| it.id.to_string()))
    }

    /// See `BenefitService.ListUserBenefits`: those after an id.
    pub async fn list_user_benefits(
        &self,
        tenant: &TenantId,
        user: &UserId,
        after: &str,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<pb::UserBenefit, String>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let in_force = programme.benefits.values().filter(|it| it.in_force(clock) && it.id.as_str() > after);
        let wanted: Vec<&Benefit> = in_force.take(usize::try_from(size + 1).unwrap_or(usize::MAX)).collect();
        let page = Page::of(wanted, size, |it| it.id.to_string());
        let rows = entitlements(&mut tx, tenant, &programme, (&user, &page.rows), clock).await?;
        tx.rollback().await?;
        let rows = rows.iter().map(|it| wire::benefit::user_benefit(&programme, it)).collect();
        Ok(Page { rows, next: page.next })
    }

    /// See `BenefitService.CheckBenefit`: whether so many uses are allowed.
    pub async fn check_benefit(
        &self,
        tenant: &TenantId,
        (user, id, count): (&UserId, &Key, i64),
        at_least: &[Position],
    ) -> Result<Checked, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let (programme, clock) = self.programme.now(&mut tx, tenant).await?;
        let benefit = benefit(&programme, id)?;
        let user = resolve(&mut tx, tenant, user).await?;
        let found = entitlements(&mut tx, tenant, &programme, (&user, &[benefit]), clock).await?;
        tx.rollback().await?;
        let it = &found[0];
        let checked = it.check(count, clock);
        let sentence = sentence(&programme, it, checked.as_ref(), clock);
        Ok(Checked {
            refusal: checked.err(),
            sentence: units::text::to_proto(&sentence),
            benefit: wire::benefit::user_benefit(&programme, it),
        })
    }

    /// See `BenefitService.ListBenefitUses`: those before a place, of a benefit; `None`: of all.
    pub async fn list_benefit_uses(
        &self,
        tenant: &TenantId,
        (user, benefit): (&UserId, Option<&Key>),
        before: Option<(OffsetDateTime, String)>,
        size: i64,
        at_least: &[Position],
    ) -> Result<Page<BenefitUse, (OffsetDateTime, String)>, LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let user = resolve(&mut tx, tenant, user).await?;
        let before = before.as_ref().map(|(used_at, id)| (*used_at, id.as_str()));
        let rows = store::benefit_use::list(&mut tx, tenant, (&user, benefit), before, size + 1).await?;
        tx.rollback().await?;
        Ok(Page::of(rows, size, |it: &BenefitUse| (it.used_at, it.id.to_string())))
    }
}

fn benefit<'a>(programme: &'a Programme, id: &Key) -> Result<&'a Benefit, Refusal> {
    programme.benefits.get(id).ok_or_else(|| Refusal::BenefitNotFound { benefit_id: id.to_string() })
}

/// What a user has of benefits at a time, in their order.
async fn entitlements<'b>(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, benefits): (&UserId, &[&'b Benefit]),
    clock: OffsetDateTime,
) -> Result<Vec<Entitlement<'b>>, LevelsError> {
    let holder = store::benefit_use::holder(tx, tenant, programme, user, clock).await?;
    let periods = benefits.iter().filter_map(|it| Some((&it.id, holder.period(it, clock)?.start)));
    let periods: Vec<_> = periods.collect();
    let used = if periods.is_empty() {
        BTreeMap::new()
    } else {
        let ids: Vec<&str> = periods.iter().map(|(id, _)| id.as_str()).collect();
        let counts = store::benefit_use::counts(tx, tenant, user, &ids).await?;
        store::benefit_use::used(tx, tenant, user, &counts, &periods).await?
    };
    let of = |it: &&'b Benefit| holder.entitled(it, used.get(&it.id).copied().unwrap_or(0), clock);
    Ok(benefits.iter().map(of).collect())
}
