use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::UseBenefitResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::benefit::usage::{BenefitUse, Count};
use crate::domain::book::Programme;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::events::benefit as told;
use crate::{Levels, store, wire};

/// Uses a benefit.
#[derive(Debug, Clone)]
pub struct UseBenefit {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// What is used.
    pub benefit: Key,
    /// How many times: 1 to 1,000,000.
    pub count: i64,
    /// For which order; may be empty.
    pub order_id: String,
    /// Why; may be empty.
    pub reason: String,
}

/// What a use came to.
struct Used {
    it: BenefitUse,
    count: Count,
    left: Option<i64>,
    renews_at: Option<OffsetDateTime>,
}

impl Levels {
    /// See `BenefitService.UseBenefit`.
    pub async fn use_benefit(
        &self,
        tenant: &TenantId,
        command: &UseBenefit,
    ) -> Result<Answer<UseBenefitResponse>, LevelsError> {
        pg::retrying("use_benefit", || self.use_benefit_once(tenant, command)).await
    }

    #[tracing::instrument(name = "use_benefit", skip_all, fields(benefit = %command.benefit))]
    async fn use_benefit_once(
        &self,
        tenant: &TenantId,
        command: &UseBenefit,
    ) -> Result<Answer<UseBenefitResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::benefit_use::lock(&mut tx, tenant, &user, &command.benefit).await?;
        let batch = Batch::<UseBenefitResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        let outcome = decide(&mut tx, tenant, &programme, (&user, command), clock).await?;
        let mut drafts = Vec::new();
        if let Ok(used) = &outcome {
            store::benefit_use::write(&mut tx, tenant, &user, &used.it).await?;
            store::benefit_use::write_count(&mut tx, tenant, (&user, &command.benefit), &used.count).await?;
            let scheme = programme.benefits.get(&used.it.benefit).and_then(|it| it.scheme.as_ref());
            drafts.push(told::used(&user, &used.it, scheme.map(Key::as_str)));
        }
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, used: Used, position| UseBenefitResponse {
            r#use: Some(wire::benefit::benefit_use(&used.it)),
            used_after: used.count.used,
            left_after: used.left,
            renew_time: used.renews_at.map(to_proto),
            position: Some(position),
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}

/// Decides a use by what the user's level has of the benefit and what was used of it before.
async fn decide(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, command): (&UserId, &UseBenefit),
    clock: OffsetDateTime,
) -> Result<Result<Used, Refusal>, LevelsError> {
    let Some(benefit) = programme.benefits.get(&command.benefit) else {
        return Ok(Err(Refusal::BenefitNotFound { benefit_id: command.benefit.to_string() }));
    };
    let counts = store::benefit_use::counts(tx, tenant, user, &[benefit.id.as_str()]).await?;
    let at = counts.get(&benefit.id).map_or(clock, |count| count.last_decided_at.max(clock));
    let holder = store::benefit_use::holder(tx, tenant, programme, user, at).await?;
    let periods: Vec<_> = holder.period(benefit, at).map(|period| (&benefit.id, period.start)).into_iter().collect();
    let used = store::benefit_use::used(tx, tenant, user, &counts, &periods).await?;
    let mut entitlement = holder.entitled(benefit, used.get(&benefit.id).copied().unwrap_or(0), at);
    let count = match entitlement.use_up(command.count, at) {
        Ok(count) => count,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let it = BenefitUse {
        id: told::use_id(&command.request.user, command.request.id.as_str()),
        benefit: benefit.id.clone(),
        benefit_version: benefit.version,
        rank: entitlement.rank,
        count: command.count,
        given_back: 0,
        cost_minor: benefit.cost_minor,
        order_id: command.order_id.clone(),
        reason: command.reason.clone(),
        used_at: at,
    };
    Ok(Ok(Used { it, count, left: entitlement.left(), renews_at: entitlement.renews_at() }))
}
