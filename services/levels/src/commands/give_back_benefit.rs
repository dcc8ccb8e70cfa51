use ids::{EventId, TenantId, UserId};
use proto::levels::v1::GiveBackBenefitResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};

use crate::domain::benefit::usage::BenefitUse;
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::events::benefit as told;
use crate::{Levels, store, wire};

/// Gives a use of a benefit back.
#[derive(Debug, Clone)]
pub struct GiveBackBenefit {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// The use.
    pub use_id: EventId,
    /// How many in all; 0: all.
    pub total: i64,
    /// Why; may be empty.
    pub reason: String,
}

impl Levels {
    /// See `BenefitService.GiveBackBenefit`.
    pub async fn give_back_benefit(
        &self,
        tenant: &TenantId,
        command: &GiveBackBenefit,
    ) -> Result<Answer<GiveBackBenefitResponse>, LevelsError> {
        pg::retrying("give_back_benefit", || self.give_back_benefit_once(tenant, command)).await
    }

    #[tracing::instrument(name = "give_back_benefit", skip_all)]
    async fn give_back_benefit_once(
        &self,
        tenant: &TenantId,
        command: &GiveBackBenefit,
    ) -> Result<Answer<GiveBackBenefitResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        // which benefit a use is of never changes, so it can be read before anything is locked
        if let Some(it) = store::benefit_use::read(&mut tx, tenant, &user, &command.use_id).await? {
            store::benefit_use::lock(&mut tx, tenant, &user, &it.benefit).await?;
        }
        let batch = Batch::<GiveBackBenefitResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let found = store::benefit_use::read(&mut tx, tenant, &user, &command.use_id).await?;
        let clock = self.core.decide(&mut tx, tenant).await?;
        let outcome = match found {
            None => Err(Refusal::BenefitUseNotFound { use_id: command.use_id.to_string() }),
            Some(mut it) => it.give_back(command.total).map(|came_back| (it, came_back)),
        };
        let mut drafts = Vec::new();
        if let Ok((it, came_back)) = &outcome
            && *came_back > 0
        {
            store::benefit_use::write(&mut tx, tenant, &user, it).await?;
            let mut at = clock;
            let mut counts = store::benefit_use::counts(&mut tx, tenant, &user, &[it.benefit.as_str()]).await?;
            if let Some(count) = counts.remove(&it.benefit) {
                let count = count.given_back(it.used_at, *came_back, clock);
                at = count.last_decided_at;
                store::benefit_use::write_count(&mut tx, tenant, (&user, &it.benefit), &count).await?;
            }
            drafts.push(told::given_back(&user, it, (*came_back, &command.reason), at));
        }
        let decided = vec![Decided { user, drafts, outcome }];
        let answer = |_, (it, came_back): (BenefitUse, i64), position| GiveBackBenefitResponse {
            r#use: Some(wire::benefit::benefit_use(&it)),
            came_back: wire::benefit::small(came_back),
            position: Some(position),
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}
