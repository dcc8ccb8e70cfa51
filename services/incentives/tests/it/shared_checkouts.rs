//! Calls about checkouts that share a transaction: everybody gets the answer, and every row becomes, what the same calls one
//! by one lead to.

use std::sync::Arc;

use incentives::commands::{AnyChange, Cancel, Confirm, GiveBack, Hold, Plan, Reserve, Reserving};
use incentives::error::IncentivesError;
use proto::incentives::v1 as pb;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use requests::Encoded;
use service::{Answer, Together};

use crate::stage::{BEGIN, Stage, basket, request, reserve, stage, template, tenant, user};

/// Coupons of each user.
const TEMPLATES: [&str; 3] = ["a", "b", "c"];

/// A call that can be made twice.
#[derive(Debug, Clone)]
enum Say {
    Reserve(Reserving),
    Confirm(Confirm),
    Cancel(Cancel),
    Return(GiveBack),
}

/// What somebody is told, without the place in the log.
type Told = Result<(bool, Option<pb::Checkout>, Option<pb::ReturnOutcome>), String>;

impl Say {
    /// The `n`th call of a history; `coupons` are those of the user.
    fn drawn(rng: &mut StdRng, n: usize, coupons: &[(String, Vec<String>)]) -> Self {
        let (who, coupons) = &coupons[rng.random_range(0..coupons.len())];
        let (checkout_id, order_id) = (format!("c{}", rng.random_range(0..5)), format!("o{}", rng.random_range(0..3)));
        let id = n.to_string();
        match rng.random_range(0..10) {
            0..4 => {
                let few = rng.random_range(0..3);
                let mut ids: Vec<&str> =
                    (0..few).map(|_| coupons[rng.random_range(0..coupons.len())].as_str()).collect();
                ids.dedup();
                let command =
                    Reserve { checkout_id, ..reserve(who, &id, basket(&[("x", 2, 6_000), ("y", 1, 500)], 0), &ids) };
                let coupon_ids = ids.iter().map(|id| (*id).to_owned()).collect();
                let plan = Plan { user: user(who), coupon_ids, points: 0 };
                Self::Reserve(Reserving { command: Arc::new(command), plan, hold: Hold::None })
            }
            4..7 => {
                let request = request(who, "CheckoutService/Confirm", &id, 0);
                Self::Confirm(Confirm { request, user: user(who), checkout_id, order_id })
            }
            7..9 => {
                let request = request(who, "CheckoutService/Return", &id, 0);
                let lines = [("x".to_owned(), rng.random_range(1..3))].into();
                Self::Return(GiveBack {
                    request,
                    user: user(who),
                    checkout_id,
                    lines,
                    keep_freight: rng.random_bool(0.5),
                })
            }
            _ => {
                let request = request(who, "CheckoutService/Cancel", &id, 0);
                Self::Cancel(Cancel { request, user: user(who), checkout_id })
            }
        }
    }

    /// The same id for another call.
    fn reused(&self) -> Self {
        let mut other = self.clone();
        match &mut other {
            Self::Reserve(it) => Arc::make_mut(&mut it.command).request.body = [9; 32],
            Self::Confirm(it) => it.request.body = [9; 32],
            Self::Cancel(it) => it.request.body = [9; 32],
            Self::Return(it) => it.request.body = [9; 32],
        }
        other
    }

    fn call(&self) -> AnyChange {
        match self.clone() {
            Self::Reserve(it) => AnyChange::of(it),
            Self::Confirm(it) => AnyChange::of(it),
            Self::Cancel(it) => AnyChange::of(it),
            Self::Return(it) => AnyChange::of(it),
        }
    }

    fn told(&self, outcome: Result<Answer<Encoded>, IncentivesError>) -> Told {
        let Answer { value, replayed } = outcome.map_err(|error| format!("{error:?}"))?;
        let (checkout, outcome) = match self {
            Self::Reserve(_) => (value.decode::<pb::ReserveResponse>().unwrap().checkout, None),
            Self::Confirm(_) => (value.decode::<pb::ConfirmResponse>().unwrap().checkout, None),
            Self::Cancel(_) => (value.decode::<pb::CancelResponse>().unwrap().checkout, None),
            Self::Return(_) => {
                let answer = value.decode::<pb::ReturnResponse>().unwrap();
                (answer.checkout, answer.outcome)
            }
        };
        Ok((replayed, checkout, outcome))
    }
}

impl Stage {
    /// Does calls in one transaction.
    async fn change(&self, says: &[Say]) -> Vec<Told> {
        let calls: Vec<AnyChange> = says.iter().map(Say::call).collect();
        let outcomes = Together::<AnyChange>::together(&*self.incentives, &self.tenant, &calls).await.unwrap();
        says.iter().zip(outcomes).map(|(say, outcome)| say.told(outcome)).collect()
    }

    /// Every row of the tenant, and all that was told of each user in order.
    async fn rows(&self) -> Vec<String> {
        let mut admin = self.db.admin(incentives::NAME).await;
        let query = "
            select 'checkout ' || (to_jsonb(t) - 'tenant_id')::text as row from checkout t where tenant_id = $1
            union all select 'order ' || (to_jsonb(t) - 'tenant_id')::text from checkout_order t where tenant_id = $1
            union all select 'coupon ' || (to_jsonb(t) - 'tenant_id')::text from held_coupon t where tenant_id = $1
            union all select 'told ' || user_id || ' ' || string_agg(type || ' ' || md5(payload), ', ' order by seq)
                from event where tenant_id = $1 group by user_id
            order by row";
        sqlx::query_scalar(query).bind(self.tenant.as_str()).fetch_all(&mut admin).await.unwrap()
    }
}

#[tokio::test]
async fn calls_that_share_transactions_end_as_the_same_calls_one_by_one() {
    let mut stage = stage().await;
    let mut decided = (0, 0);
    for seed in 0..25 {
        let mut rng = StdRng::seed_from_u64(seed);
        let tenants = [tenant(&format!("shared-{seed}")), tenant(&format!("single-{seed}"))];
        let mut coupons: Vec<(String, Vec<String>)> = Vec::new();
        for tenant in &tenants {
            stage.tenant = tenant.clone();
            stage.set_clock(BEGIN).await;
            for (n, id) in TEMPLATES.into_iter().enumerate() {
                stage.publish(template(id, 0, 100 * (n as i64 + 1)), id).await;
            }
            coupons.clear();
            for who in ["u0", "u1"] {
                let mut own = Vec::new();
                for id in TEMPLATES {
                    own.push(stage.claim(who, id, id).await.unwrap().coupon_id);
                }
                coupons.push((who.to_owned(), own));
            }
        }
        let mut says: Vec<Say> = Vec::new();
        for n in 0..60 {
            let say = match says.len() {
                0 => Say::drawn(&mut rng, n, &coupons),
                some => match rng.random_range(0..10) {
                    0 => says[rng.random_range(0..some)].clone(),
                    1 => says[rng.random_range(0..some)].reused(),
                    _ => Say::drawn(&mut rng, n, &coupons),
                },
            };
            says.push(say);
        }
        let (mut shared, mut single) = (Vec::new(), Vec::new());
        stage.tenant = tenants[0].clone();
        let mut rest = says.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rng.random_range(1..=rest.len().min(25)));
            shared.extend(stage.change(batch).await);
            rest = later;
        }
        let shared_rows = stage.rows().await;
        stage.tenant = tenants[1].clone();
        for say in &says {
            single.extend(stage.change(std::slice::from_ref(say)).await);
        }
        for (n, (shared, single)) in shared.iter().zip(&single).enumerate() {
            assert_eq!(shared, single, "seed {seed}, call {n}: {:?}", says[n]);
        }
        assert_eq!(shared_rows, stage.rows().await, "seed {seed}");
        decided.0 += single.iter().filter(|it| it.is_ok()).count();
        decided.1 += single.iter().filter(|it| it.is_err()).count();
    }
    // the histories are about something
    assert!(decided.0 > 200 && decided.1 > 200, "{decided:?}");
}
