use std::ops::ControlFlow;
use std::sync::Arc;

use ids::TenantId;
use lanes::Settings;
use prost::Message;
use proto::incentives::v1::{CancelResponse, ConfirmResponse, ReserveResponse, ReturnResponse};
use service::{Answer, Batcher, decoded};

use super::change::{AnyChange, Change};
use super::{Cancel, Confirm, GiveBack, Reserve, Reserving};
use crate::Incentives;
use crate::error::IncentivesError;

/// The writes of `CheckoutService`, which share transactions with what comes at the same time.
#[derive(Clone)]
pub struct Checkouts {
    incentives: Arc<Incentives>,
    plans: Batcher<Incentives, Arc<Reserve>>,
    changes: Batcher<Incentives, AnyChange>,
}

impl Checkouts {
    /// Of a service.
    pub fn new(incentives: &Arc<Incentives>, lanes: Settings) -> Self {
        Self {
            incentives: Arc::clone(incentives),
            plans: Batcher::new("checkout_plans", Arc::clone(incentives), lanes),
            changes: Batcher::new("checkouts", Arc::clone(incentives), lanes),
        }
    }

    /// See `CheckoutService.Reserve`: planned, its points held, then stored. Where the last refuses, the hold is let go.
    pub async fn reserve(
        &self,
        tenant: &TenantId,
        command: Reserve,
    ) -> Result<Answer<ReserveResponse>, IncentivesError> {
        let command = Arc::new(command);
        let plan = match self.plans.call(tenant, command.user.as_str(), Arc::clone(&command)).await? {
            ControlFlow::Break(answer) => return Ok(answer),
            ControlFlow::Continue(plan) => plan,
        };
        let hold = self.incentives.hold(tenant, &command, &plan).await?;
        let reserving = Reserving { command: Arc::clone(&command), plan: plan.clone(), hold: hold.clone() };
        let outcome = self.change(tenant, reserving).await;
        if let Err(IncentivesError::Refused { .. }) = &outcome {
            self.incentives.let_go(tenant, &command, &plan, &hold).await;
        }
        outcome
    }

    /// See `CheckoutService.Confirm`.
    pub async fn confirm(
        &self,
        tenant: &TenantId,
        command: Confirm,
    ) -> Result<Answer<ConfirmResponse>, IncentivesError> {
        self.change(tenant, command).await
    }

    /// See `CheckoutService.Cancel`.
    pub async fn cancel(&self, tenant: &TenantId, command: Cancel) -> Result<Answer<CancelResponse>, IncentivesError> {
        self.change(tenant, command).await
    }

    /// See `CheckoutService.Return`.
    pub async fn give_back(
        &self,
        tenant: &TenantId,
        command: GiveBack,
    ) -> Result<Answer<ReturnResponse>, IncentivesError> {
        self.change(tenant, command).await
    }

    async fn change<T: Message + Default>(
        &self,
        tenant: &TenantId,
        call: impl Change,
    ) -> Result<Answer<T>, IncentivesError> {
        let user = call.user().clone();
        decoded(self.changes.call(tenant, user.as_str(), AnyChange::of(call)).await?)
    }
}
