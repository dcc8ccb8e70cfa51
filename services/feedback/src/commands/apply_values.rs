use std::collections::BTreeMap;

use eventlog::{ApplyError, Consume, Draft};
use ids::{TenantId, UserId};
use pg::Tx;
use proto::events::v1::Event;
use proto::profiles::v1::ProfileAliasLinked;

use crate::{events, store};

/// Learns from profiles' log what users are worth, whom ids mean, and of tenants.
#[derive(Debug, Clone, Copy)]
pub struct ValueConsumer;

/// What it reads: what the facts of are of use, and what every service keeps of profiles.
const TYPES: [&str; 8] = [
    events::VALUED[0],
    events::VALUED[1],
    events::VALUED[2],
    events::VALUED[3],
    events::VALUED[4],
    events::VALUED[5],
    mirror::TYPES[0],
    mirror::TYPES[1],
];

impl Consume for ValueConsumer {
    fn name(&self) -> &'static str {
        "user_value"
    }

    fn source(&self) -> &'static str {
        "profiles"
    }

    fn types(&self) -> &'static [&'static str] {
        &TYPES
    }

    fn ignores(&self) -> &'static [&'static str] {
        &["profile.changed", "order.created", "lifecycle.models_changed"]
    }

    async fn apply(&self, tx: &mut Tx, tenant: &TenantId, told: &[Event]) -> Result<Vec<Draft>, ApplyError> {
        let linked = linked(told)?;
        for alias in linked.values() {
            store::case::take_alias(tx, tenant, alias).await?;
        }
        mirror::apply(tx, tenant, told).await?;
        let mut valued = Vec::new();
        for (index, event) in told.iter().enumerate() {
            if let Some(alias) = linked.get(&index) {
                let user = super::apply_ranks::user_of(event, index)?;
                let user = mirror::resolve(tx, tenant, [&user]).await?.meant(&user);
                store::case::follow_alias(tx, tenant, alias, &user).await?;
                store::standing::follow_alias(tx, tenant, alias, &user).await?;
            } else if let Some((spend, stage)) = events::user_value(event) {
                valued.push((super::apply_ranks::user_of(event, index)?, spend, stage));
            }
        }
        let aliases = mirror::resolve(tx, tenant, valued.iter().map(|(user, ..)| user)).await?;
        // of several events of a user the last counts
        let users: BTreeMap<UserId, (i64, &str)> =
            valued.iter().map(|(user, spend, stage)| (aliases.meant(user), (*spend, *stage))).collect();
        let users: Vec<_> = users.iter().map(|(user, (spend, stage))| (user, *spend, *stage)).collect();
        store::standing::write_value(tx, tenant, &users).await?;
        Ok(Vec::new())
    }
}

/// The ids that become aliases, by the places of the events that say so.
fn linked(told: &[Event]) -> Result<BTreeMap<usize, String>, ApplyError> {
    let links = told.iter().enumerate().filter(|(_, event)| event.r#type == "profile.alias_linked");
    let alias = |(index, event)| match events::payload::<ProfileAliasLinked>(event) {
        Ok(linked) => Ok((index, linked.alias)),
        Err(reason) => Err(ApplyError::Event { index, reason }),
    };
    links.map(alias).collect()
}
