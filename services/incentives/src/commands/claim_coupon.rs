use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::common::v1::Position;
use proto::incentives::v1::ClaimCouponResponse;
use requests::{Keep, Request, first_of_each};
use service::{Answer, Core, Together, repeats, settled};

use super::grant_coupons::{coupon_id, load, store_issued};
use crate::domain::coupon::HeldCoupon;
use crate::domain::issue::{Asking, Issuing};
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::{Incentives, events, wire};

/// A user claims a coupon.
#[derive(Debug, Clone)]
pub struct ClaimCoupon {
    /// Makes it idempotent.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The template.
    pub template: Key,
}

type Outcome = Result<Answer<ClaimCouponResponse>, IncentivesError>;

impl Together<ClaimCoupon> for Incentives {
    type Answer = Answer<ClaimCouponResponse>;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    async fn together(&self, tenant: &TenantId, calls: &[ClaimCoupon]) -> Result<Vec<Outcome>, IncentivesError> {
        self.claim_coupons(tenant, calls).await
    }
}

impl Incentives {
    /// See `CouponService.ClaimCoupon`: a batch of calls of one tenant, each with its own outcome. Whatever its size, a
    /// template's row is changed once.
    #[tracing::instrument(skip_all, fields(calls = commands.len()))]
    pub async fn claim_coupons(
        &self,
        tenant: &TenantId,
        commands: &[ClaimCoupon],
    ) -> Result<Vec<Outcome>, IncentivesError> {
        pg::retrying("claim_coupons", || self.claim_coupons_once(tenant, commands)).await
    }

    async fn claim_coupons_once(
        &self,
        tenant: &TenantId,
        commands: &[ClaimCoupon],
    ) -> Result<Vec<Outcome>, IncentivesError> {
        let requests: Vec<&Request> = commands.iter().map(|command| &command.request).collect();
        let firsts = first_of_each(&requests);
        let mut tx = self.core.write(tenant).await?;
        let aliases = mirror::resolve(&mut tx, tenant, commands.iter().map(|command| &command.user)).await?;
        let keys: Vec<(UserId, Key)> =
            commands.iter().map(|command| (aliases.meant(&command.user), command.template.clone())).collect();
        let issuing = load(&mut tx, tenant, &keys).await?;
        let known = requests::look_up::<ClaimCouponResponse, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: Vec<Option<Outcome>> =
            known.into_iter().zip(&requests).map(|(known, request)| settled(request, known)).collect();
        let open: Vec<usize> = (0..commands.len()).filter(|n| firsts[*n] == *n && outcomes[*n].is_none()).collect();
        if !open.is_empty() {
            let answers = self.issue(tx, tenant, commands, &keys, &open, issuing).await?;
            for (n, answer) in open.into_iter().zip(answers) {
                outcomes[n] = Some(answer);
            }
        }
        Ok(repeats(&requests, &firsts, outcomes))
    }

    async fn issue(
        &self,
        mut tx: Tx,
        tenant: &TenantId,
        commands: &[ClaimCoupon],
        keys: &[(UserId, Key)],
        open: &[usize],
        mut issuing: Issuing,
    ) -> Result<Vec<Outcome>, IncentivesError> {
        let at = self.core.decide(&mut tx, tenant).await?;
        let mut claim = |n: &usize| {
            let (user, template) = &keys[*n];
            issuing.issue(user, template, &Asking::Claim, at, |count| coupon_id(user, template, count))
        };
        let decided: Vec<Result<HeldCoupon, Refusal>> = open.iter().map(&mut claim).collect();
        let issued: Vec<HeldCoupon> = decided.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
        store_issued(&mut tx, tenant, &issuing, &issued).await?;
        let drafts: Vec<_> = issued.iter().map(events::coupon_granted).collect();
        let positions = self.core.log.append(&mut tx, tenant, &drafts).await?;
        let mut places = positions.iter().map(|position| Position::from(*position));
        let templates: BTreeMap<_, _> = issuing.templates;
        let mut answer = |coupon: HeldCoupon| ClaimCouponResponse {
            coupon: Some(wire::coupon::coupon(&coupon, templates.get(&coupon.template).map(|(it, _)| it), at)),
            position: places.next(),
        };
        let answers: Vec<Result<ClaimCouponResponse, Refusal>> =
            decided.into_iter().map(|decided| decided.map(&mut answer)).collect();
        let records: Vec<_> =
            open.iter().zip(&answers).map(|(n, answer)| (&commands[*n].request, answer.as_ref())).collect();
        requests::record(&mut tx, tenant, Keep::Days30, &records).await?;
        tx.commit().await?;
        self.core.log.wake(&positions);
        let fresh = |value| Answer { value, replayed: false };
        Ok(answers.into_iter().map(|answer| answer.map(fresh).map_err(IncentivesError::from)).collect())
    }
}
