use std::collections::{BTreeMap, BTreeSet};

use eventlog::{ApplyError, Draft, Link};
use ids::{Key, TenantId, UserId};
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use super::coupon_rewards;
use crate::campaign_events::{self, Read};
use crate::domain::book::{Book, Effect, Loaded, Terms, UseKey, Written};
use crate::domain::campaign::{Version, in_force};
use crate::domain::decision::Outcome;
use crate::domain::grant::{Fate, Gift, GrantKey};
use crate::domain::incoming::{Incoming, Moved};
use crate::store::grant::Touched;
use crate::{Incentives, store};

/// An event with its place among those given, and what it means.
struct Item {
    index: usize,
    what: What,
}

enum What {
    Happened {
        incoming: Box<Incoming>,
        /// The campaigns that it sets off and whose condition holds, in the order in which they are decided.
        candidates: Vec<(Key, i32)>,
    },
    Became {
        gift_id: String,
        fate: Fate,
    },
}

type Versions = BTreeMap<(Key, i32), Version>;

impl Incentives {
    /// Applies events of one tenant from one source in order: a fixed number of statements however many they are.
    #[tracing::instrument(skip_all, fields(source, events = events.len()))]
    pub(super) async fn meet_events(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        source: &'static str,
        events: &[Event],
    ) -> Result<Vec<Draft>, ApplyError> {
        let mut read = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            let meant = campaign_events::read(event).map_err(|reason| ApplyError::Event { index, reason })?;
            read.extend(meant.map(|meant| (index, meant)));
        }
        let read = resolve(tx, tenant, read).await?;
        let (items, versions) = self.candidates(tx, tenant, read).await?;
        let setting = store::campaign::setting(tx, tenant).await?;
        let (rows, gifts) = load(tx, tenant, &items, &versions).await?;
        let terms = Terms { tenant, global_holdout_bp: setting.global_holdout_bp, gift_id: campaign_events::gift_id };
        let mut book = Book::new(terms, rows);
        let mut effects: Vec<(usize, Effect)> = Vec::new();
        for item in &items {
            let made = match &item.what {
                What::Happened { incoming, candidates } => {
                    let found: Vec<&Version> = candidates.iter().filter_map(|key| versions.get(key)).collect();
                    book.apply(incoming, &found)
                }
                What::Became { gift_id, fate } => {
                    gifts.get(gift_id).map(|key| book.settle(key, *fate)).unwrap_or_default()
                }
            };
            effects.extend(made.into_iter().map(|effect| (item.index, effect)));
        }
        let told = coupon_rewards::carry_out(tx, tenant, (source, events), &mut book, &effects).await?;
        let mut drafts = drafts(source, events, &book, &effects, &versions)?;
        drafts.extend(told);
        write(tx, tenant, &items, &book.close()).await?;
        Ok(drafts)
    }

    /// Evaluates the campaigns in force, which need nothing but the events.
    async fn candidates(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        read: Vec<(usize, Read)>,
    ) -> Result<(Vec<Item>, Versions), StoreError> {
        let times = read.iter().filter_map(|(_, it)| match it {
            Read::Happened(incoming) if incoming.triggers.is_some() => Some(incoming.recorded_at),
            _ => None,
        });
        let (turns, versions) = match (times.clone().min(), times.max()) {
            (Some(from), Some(until)) => {
                let turns = store::campaign::turns(tx, tenant, from, until).await?;
                let versions = self.campaigns.versions(tx, tenant, &turns).await?;
                (turns, versions)
            }
            _ => Default::default(),
        };
        let find = |id: &Key, version| versions.get(&(id.clone(), version));
        let item = |(index, it)| match it {
            Read::Became { gift_id, fate } => Item { index, what: What::Became { gift_id, fate } },
            Read::Happened(incoming) => {
                let found = match &incoming.triggers {
                    Some(happening) => in_force(&turns, find, incoming.recorded_at)
                        .into_iter()
                        .filter(|it| it.definition.event_type == incoming.event_type)
                        .filter(|it| it.definition.open(incoming.occurred_at) && it.compiled.holds(happening))
                        .map(|it| (it.campaign_id.clone(), it.version))
                        .collect(),
                    None => Vec::new(),
                };
                Item { index, what: What::Happened { incoming, candidates: found } }
            }
        };
        let items = read.into_iter().map(item).collect();
        Ok((items, versions))
    }
}

/// Users by their canonical ids.
async fn resolve(
    tx: &mut Tx,
    tenant: &TenantId,
    mut read: Vec<(usize, Read)>,
) -> Result<Vec<(usize, Read)>, StoreError> {
    let users = read.iter().filter_map(|(_, it)| match it {
        Read::Happened(incoming) => Some(&incoming.user),
        Read::Became { .. } => None,
    });
    let aliases = mirror::resolve(tx, tenant, users).await?;
    for (_, it) in &mut read {
        if let Read::Happened(incoming) = it {
            incoming.user = aliases.meant(&incoming.user);
        }
    }
    Ok(read)
}

/// Locks the campaigns that may be touched, in key order, and reads what is decided on after that.
async fn load(
    tx: &mut Tx,
    tenant: &TenantId,
    items: &[Item],
    versions: &Versions,
) -> Result<(Loaded, BTreeMap<String, GrantKey>), StoreError> {
    let mut wanted = Wanted::default();
    items.iter().for_each(|item| wanted.add(item, versions));
    let returned: Vec<(&str, &str)> = wanted.returned.iter().copied().collect();
    let touched = match (returned.is_empty(), wanted.gifts.is_empty(), wanted.falls.is_empty()) {
        (true, true, true) => Touched::default(),
        _ => store::grant::touched(tx, tenant, &returned, &wanted.gifts, &wanted.falls).await?,
    };
    wanted.campaigns.extend(touched.campaigns);
    let mut rows = Loaded::default();
    if !wanted.campaigns.is_empty() {
        rows.figures = store::figures::lock(tx, tenant, &wanted.campaigns).await?;
        let mut keys = wanted.grants;
        keys.extend(touched.gifts.values().cloned());
        let orders = returned.iter().map(|(user, order)| Ok((owned(user)?, (*order).to_owned())));
        let orders = orders.collect::<Result<BTreeSet<_>, StoreError>>()?;
        rows.grants = store::grant::read(tx, tenant, &keys, &orders).await?;
        for (key, grant) in &rows.grants {
            let bucket = |bucket: &String| (key.0.clone(), key.1.clone(), bucket.clone());
            wanted.uses.extend(grant.buckets.iter().map(bucket));
        }
        if !wanted.uses.is_empty() {
            rows.uses = store::grant::uses(tx, tenant, &wanted.uses).await?;
        }
    }
    wanted.orders.extend(touched.orders);
    if !wanted.orders.is_empty() {
        rows.reversals = store::grant::reversals(tx, tenant, &wanted.orders).await?;
    }
    if !wanted.watched.is_empty() {
        rows.exposures = store::grant::exposures(tx, tenant, &wanted.watched).await?;
    }
    Ok((rows, touched.gifts))
}

fn owned(user: &str) -> Result<UserId, StoreError> {
    service::rows::user(user.to_owned())
}

/// What a batch needs to know.
#[derive(Default)]
struct Wanted<'a> {
    campaigns: BTreeSet<Key>,
    grants: BTreeSet<GrantKey>,
    uses: BTreeSet<UseKey>,
    orders: BTreeSet<(UserId, String)>,
    returned: BTreeSet<(&'a str, &'a str)>,
    gifts: Vec<&'a str>,
    falls: Vec<(&'a UserId, &'a Moved)>,
    watched: BTreeSet<&'a UserId>,
}

impl<'a> Wanted<'a> {
    fn add(&mut self, item: &'a Item, versions: &Versions) {
        let (incoming, candidates) = match &item.what {
            What::Became { gift_id, .. } => return self.gifts.push(gift_id),
            What::Happened { incoming, candidates } => (incoming, candidates),
        };
        let user = &incoming.user;
        if incoming.gives_back.is_some() {
            self.returned.insert((user.as_str(), &incoming.order_id));
        }
        if incoming.gives_back.is_some() || (!candidates.is_empty() && !incoming.order_id.is_empty()) {
            self.orders.insert((user.clone(), incoming.order_id.clone()));
        }
        self.falls.extend(incoming.moved.iter().filter(|moved| moved.is_fall()).map(|moved| (user, moved)));
        if incoming.bought_minor.is_some() || !candidates.is_empty() {
            self.watched.insert(user);
        }
        for version in candidates.iter().filter_map(|key| versions.get(key)) {
            let id = &version.campaign_id;
            self.campaigns.insert(id.clone());
            self.grants.insert((user.clone(), id.clone(), incoming.event_id.clone()));
            let bucket = |limit: &crate::domain::campaign::UserLimit| {
                (user.clone(), id.clone(), limit.period.bucket(&version.compiled.zone, incoming.occurred_at))
            };
            self.uses.extend(version.definition.user_limits.iter().map(bucket));
        }
    }
}

/// Points that go out, and points that are taken back.
fn drafts(
    source: &str,
    events: &[Event],
    book: &Book<'_>,
    effects: &[(usize, Effect)],
    versions: &Versions,
) -> Result<Vec<Draft>, ApplyError> {
    let mut drafts = Vec::new();
    for (index, effect) in effects {
        let (event, fault) = (&events[*index], |reason| ApplyError::Event { index: *index, reason });
        let link = Link::to(source, event);
        let draft = match effect {
            Effect::Granted(key) => {
                let Some(grant) = book.grant(key).filter(|it| matches!(it.gift, Gift::Points(_))) else { continue };
                let Some(version) = versions.get(&(key.1.clone(), grant.version)) else { continue };
                campaign_events::reward_granted((key, grant), &version.definition, (&link, &event.site))
            }
            Effect::Revoked(key, sum) => {
                let Some(grant) = book.grant(key) else { continue };
                let occurred_at = event.occurred_at.as_ref().and_then(|it| units::time::from_proto(it).ok());
                let at = occurred_at.unwrap_or(grant.granted_at);
                campaign_events::reward_revoked((key, grant), *sum, at, &link)
            }
            Effect::Void(_) => continue,
        };
        drafts.push(draft.map_err(|error| fault(error.to_string()))?);
    }
    Ok(drafts)
}

/// Stores what was decided: one statement per table, however many rows.
async fn write(tx: &mut Tx, tenant: &TenantId, items: &[Item], written: &Written) -> Result<(), StoreError> {
    store::grant::write(tx, tenant, &written.grants).await?;
    store::grant::write_uses(tx, tenant, &written.uses).await?;
    store::grant::write_reversals(tx, tenant, &written.reversals).await?;
    store::grant::write_exposures(tx, tenant, &written.exposures).await?;
    store::figures::add(tx, tenant, &written.figures).await?;
    let mut tally: BTreeMap<(&Key, Outcome), i64> = BTreeMap::new();
    for it in &written.decisions {
        *tally.entry((&it.campaign_id, it.verdict.outcome)).or_default() += 1;
    }
    store::figures::tally(tx, tenant, &tally).await?;
    let decided: BTreeSet<_> = written.decisions.iter().map(|it| (&it.user, &it.source_event)).collect();
    let seen: Vec<&Incoming> = items
        .iter()
        .filter_map(|item| match &item.what {
            What::Happened { incoming, .. } => Some(&**incoming),
            What::Became { .. } => None,
        })
        .filter(|it| decided.contains(&(&it.user, &it.event_id)))
        .collect();
    store::decision::insert_inputs(tx, tenant, &seen).await?;
    store::decision::insert(tx, tenant, &written.decisions).await
}
