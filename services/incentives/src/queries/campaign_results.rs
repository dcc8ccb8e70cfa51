use ids::{Key, TenantId};
use proto::common::v1::Position;
use proto::incentives::v1 as pb;

use crate::domain::campaign_refusal::CampaignRefusal as Refusal;
use crate::domain::decision::Outcome;
use crate::domain::exposure::Arm;
use crate::error::CampaignError;
use crate::store::figures::Group;
use crate::{Incentives, campaign_wire, store};

impl Incentives {
    /// See `CampaignService.GetCampaignResults`.
    pub async fn campaign_results(
        &self,
        tenant: &TenantId,
        id: &Key,
        at_least: &[Position],
    ) -> Result<pb::CampaignResults, CampaignError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let Some(saved) = store::campaign::read(&mut tx, tenant, id.as_str()).await? else {
            return Err(Refusal::CampaignNotFound { campaign_id: id.to_string() }.into());
        };
        let figures = store::figures::read(&mut tx, tenant, id.as_str()).await?;
        let tallies = store::figures::tallies(&mut tx, tenant, id.as_str()).await?;
        let treated = store::figures::group(&mut tx, tenant, id.as_str(), Arm::Treated).await?;
        let control = store::figures::group(&mut tx, tenant, id.as_str(), Arm::Control).await?;
        tx.rollback().await?;
        let says = saved.approved.as_ref().unwrap_or(&saved.definition);
        let held_out = |it: &&(Outcome, i64)| matches!(it.0, Outcome::GlobalHoldout | Outcome::Holdout);
        Ok(pb::CampaignResults {
            participants: treated.users,
            granted: figures.granted,
            standing: figures.standing,
            refused: figures.refused,
            held_out: tallies.iter().filter(held_out).map(|(_, times)| times).sum(),
            outcomes: tallies
                .iter()
                .map(|(outcome, times)| pb::OutcomeCount { outcome: campaign_wire::outcome(*outcome), times: *times })
                .collect(),
            budget: campaign_wire::budget(says),
            committed: figures.committed,
            released: figures.released,
            spent: figures.spent,
            coupons_granted: figures.coupons,
            coupons_used: figures.coupons_used,
            treated: Some(group(&treated)),
            control: Some(group(&control)),
        })
    }
}

fn group(it: &Group) -> pb::CampaignGroupResults {
    pb::CampaignGroupResults { users: it.users, buyers: it.buyers, orders: it.orders, spend_minor: it.spend_minor }
}
