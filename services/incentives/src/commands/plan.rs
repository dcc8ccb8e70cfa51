use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use eventlog::derive;
use ids::{TenantId, UserId};
use proto::incentives::v1::ReserveResponse;
use requests::Request;
use service::{Answer, Core, Together, settled};
use time::Duration;

use super::Reserve;
use crate::domain::choice::Choice;
use crate::domain::refusal::Refusal;
use crate::error::IncentivesError;
use crate::points::{HoldOrder, NotHeld};
use crate::{Incentives, store};

/// A hold outlives its checkout by this, so that levels never lets points go that a checkout still counts on.
const HOLD_MARGIN: Duration = Duration::minutes(5);

/// What was found out before anything is locked: whose it is, which coupons go into it, and the points to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The user, by canonical id.
    pub user: UserId,
    /// The coupons.
    pub coupon_ids: Vec<String>,
    /// The points; 0: none.
    pub points: i64,
}

/// Points that levels holds for a plan, or that it has too few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// None are used.
    None,
    /// The hold's id.
    Held(String),
    /// There are too few.
    Short,
}

/// A plan, or the answer that the request got before.
pub type Planned = ControlFlow<Answer<ReserveResponse>, Plan>;

type Outcome = Result<Planned, IncentivesError>;

/// Plans reservations: a read, in a transaction that is rolled back.
impl Together<Arc<Reserve>> for Incentives {
    type Answer = Planned;
    type Refusal = Refusal;

    fn core(&self) -> &Core {
        &self.core
    }

    #[tracing::instrument(name = "plan", skip_all, fields(calls = commands.len()))]
    async fn together(&self, tenant: &TenantId, commands: &[Arc<Reserve>]) -> Result<Vec<Outcome>, IncentivesError> {
        pg::retrying("plan", || self.plan_once(tenant, commands)).await
    }
}

impl Incentives {
    async fn plan_once(&self, tenant: &TenantId, commands: &[Arc<Reserve>]) -> Result<Vec<Outcome>, IncentivesError> {
        let mut tx = self.core.write(tenant).await?;
        let requests: Vec<&Request> = commands.iter().map(|command| &command.request).collect();
        let known = requests::look_up::<ReserveResponse, Refusal>(&mut tx, tenant, &requests).await?;
        let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
        for (n, known) in known.into_iter().enumerate() {
            outcomes.extend(settled(requests[n], known).map(|it| (n, it.map(ControlFlow::Break))));
        }
        let open: Vec<usize> = (0..commands.len()).filter(|n| !outcomes.contains_key(n)).collect();
        if !open.is_empty() {
            let aliases = mirror::resolve(&mut tx, tenant, open.iter().map(|n| &commands[*n].user)).await?;
            let at = self.core.decide(&mut tx, tenant).await?;
            let asked: Vec<_> =
                open.iter().map(|n| (aliases.meant(&commands[*n].user), &commands[*n].choice)).collect();
            let chosen = store::offer::chosen(&mut tx, tenant, &asked, at).await?;
            let offers = store::offer::offers(&mut tx, tenant, chosen.iter().flatten(), at).await?;
            for ((n, (user, choice)), found) in open.into_iter().zip(asked).zip(chosen) {
                let command = &commands[n];
                let quote = offers.quote(&command.basket, (choice, found), command.points.as_ref(), at);
                let coupon_ids = match choice {
                    Choice::Named(ids) => ids.clone(),
                    Choice::Best => quote.coupons().map(|step| step.coupon_id.clone()).collect(),
                };
                outcomes.insert(n, Ok(ControlFlow::Continue(Plan { user, coupon_ids, points: quote.points })));
            }
        }
        tx.rollback().await?;
        Ok(outcomes.into_values().collect())
    }

    /// Holds the points of a plan: a call to levels, outside any transaction, with an id that follows from the request and
    /// the number of points, so that a repeat finds the same hold.
    pub async fn hold(&self, tenant: &TenantId, command: &Reserve, plan: &Plan) -> Result<Hold, IncentivesError> {
        let Some(deduction) = command.points.as_ref().filter(|_| plan.points > 0) else { return Ok(Hold::None) };
        let order = HoldOrder {
            request_id: hold_request(command, plan.points),
            user: plan.user.clone(),
            point_type_id: deduction.point_type_id.clone(),
            points: plan.points,
            order_id: command.order_id.clone(),
            ttl_seconds: i32::try_from((command.ttl + HOLD_MARGIN).whole_seconds()).unwrap_or(i32::MAX),
        };
        match self.points.hold(tenant, &order).await {
            Ok(hold_id) => Ok(Hold::Held(hold_id)),
            Err(NotHeld::Short) => Ok(Hold::Short),
            Err(NotHeld::Failed(status)) => Err(IncentivesError::Peer(status)),
        }
    }

    /// Lets the hold of a plan go. Where that is not heard, it runs out.
    pub(super) async fn let_go(&self, tenant: &TenantId, command: &Reserve, plan: &Plan, hold: &Hold) {
        let Hold::Held(hold_id) = hold else { return };
        let request_id = format!("{}/release", hold_request(command, plan.points));
        if let Err(status) = self.points.release(tenant, &request_id, &plan.user, hold_id).await {
            tracing::warn!(code = ?status.code(), "a hold was not let go and will run out");
        }
    }
}

/// At most 128 characters, and another id for another number of points.
fn hold_request(command: &Reserve, points: i64) -> String {
    let rule = format!("hold/{}/{points}", command.request.id);
    derive(&command.request.user, &rule, 0).to_string()
}
