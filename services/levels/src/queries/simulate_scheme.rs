use std::collections::BTreeMap;

use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1 as pb;
use service::Page;

use crate::domain::balance::Holding;
use crate::domain::book::{AccountKey, Programme};
use crate::domain::member::Terms;
use crate::domain::refusal::Refusal;
use crate::domain::scheme::{Basis, Scheme};
use crate::domain::simulation::{Simulation, costing, guards};
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// Users looked at by one call.
const USERS_MAX: usize = 50_000;
/// Users read at once.
const USERS_STEP: i64 = 1_000;

impl Levels {
    /// See `LevelService.SimulateScheme`: users after an id. One snapshot sees them all.
    pub async fn simulate_scheme(
        &self,
        tenant: &TenantId,
        draft: &Scheme,
        moves_max: usize,
        after: &str,
    ) -> Result<Page<pb::SimulateSchemeResponse, String>, LevelsError> {
        let mut tx = self.core.read(tenant, &[]).await?;
        let (present, clock) = self.programme.now(&mut tx, tenant).await?;
        let changed = with_draft(&present, draft)?;
        let zone = present.types.get(draft.guard()).map(|point_type| &point_type.zone);
        let zone = zone.ok_or_else(|| not_found(draft.guard()))?;
        let mut simulation = Simulation::new(Terms { scheme: draft, zone }, moves_max);
        let (mut looked, mut after, mut next) = (0, after.to_owned(), None);
        loop {
            let users = store::account::users_after(&mut tx, tenant, draft.guard(), &after, USERS_STEP).await?;
            let held = read(&mut tx, tenant, (&present, &changed), draft, &users).await?;
            for user in &users {
                let key = (user.clone(), draft.guard().clone());
                let (book, at) = held[user].clone().at(&present, &key, clock);
                simulation.look(user, &book, at);
            }
            looked += users.len();
            let Some(last) = users.last().filter(|_| users.len() as i64 == USERS_STEP) else { break };
            after = last.to_string();
            if looked >= USERS_MAX {
                next = Some(after);
                break;
            }
        }
        tx.rollback().await?;
        Ok(Page { rows: vec![wire::level::simulation(&simulation, draft, costing(&present, draft, clock))], next })
    }
}

/// The programme with a scheme in place of the published one of its id.
fn with_draft(present: &Programme, draft: &Scheme) -> Result<Programme, Refusal> {
    for measure in &draft.measures {
        let point_type = present.types.get(&measure.point_type).ok_or_else(|| not_found(&measure.point_type))?;
        if measure.basis == Basis::Unexpired && point_type.spendable {
            return Err(Refusal::PointTypeSpendable { point_type_id: measure.point_type.to_string() });
        }
    }
    let mut changed = present.clone();
    changed.schemes.insert(draft.id.clone(), draft.clone());
    Ok(changed)
}

fn not_found(point_type: &Key) -> Refusal {
    Refusal::PointTypeNotFound { point_type_id: point_type.to_string() }
}

/// All that the scheme and the published one of its id look at, of users.
async fn read(
    tx: &mut Tx,
    tenant: &TenantId,
    (present, changed): (&Programme, &Programme),
    draft: &Scheme,
    users: &[UserId],
) -> Result<BTreeMap<UserId, Holding>, LevelsError> {
    let keys: Vec<AccountKey> = users.iter().flat_map(|user| guards(present, draft, user)).collect();
    let by_present = store::holding::read(tx, tenant, present, &keys).await?;
    let by_changed = store::holding::read(tx, tenant, changed, &keys).await?;
    let of = |user: &UserId| {
        let mut holding = Holding::default();
        for key in guards(present, draft, user) {
            for part in [by_present.of(&key), by_changed.of(&key)] {
                holding.accounts.extend(part.accounts);
                holding.members.extend(part.members);
                holding.holds.extend(part.holds);
            }
        }
        (user.clone(), holding)
    };
    Ok(users.iter().map(of).collect())
}
