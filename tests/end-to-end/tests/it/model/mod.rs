//! The four services against a plain model.
//!
//! A **seed** is one user: what happens to them (`history.rs`), and, with the users of the same partition, when each consumer
//! of each service gets to know of how much of it (`world.rs`). The suite runs in this process on a real Postgres; deeds go
//! through its API, consumers are moved by hand, batch by batch. Users of all partitions live at the same time and share
//! campaigns, coupons and budgets.
//!
//! In the end every user must stand where `plain.rs` says: it knows the rules and the answers of calls, and nothing of logs,
//! consumers or batches. Where the rules leave it to who comes first, as with a budget that is too small, nothing but what
//! must add up is looked at (`ledgers.rs`).
//!
//! A user that stands elsewhere is printed with its history, and can be run again alone:
//!
//! ```text
//! BANYAN_MODEL_BASE=7 BANYAN_MODEL_USER=123 cargo nextest run -p end-to-end -E 'test(model::)'
//! ```
//!
//! runs the user's partition with the same schedule; `BANYAN_MODEL_USERS=20000` runs more of them.

mod checkouts;
mod found;
mod history;
mod ledgers;
mod orders;
mod plain;
mod programme;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use end_to_end::harness::Suite;
use futures::StreamExt;
use ids::{Partition, TenantId};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use history::History;
use ledgers::Figures;
use plain::{Gift, Standing};
use world::{Life, World};

const TENANT: &str = "shop";
const USERS: u64 = 2_048;
/// Partitions that they live in: with many users in each, a batch holds several users' events.
const PARTITIONS: u8 = 8;
/// Partitions that live at the same time.
const ABREAST: usize = 4;
/// Users that are printed.
const TOLD_MAX: usize = 3;

/// A number from the environment.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

impl World {
    /// A suite with a programme that every service knows.
    async fn open() -> Self {
        let (suite, hands) = Suite::start_by_hand().await;
        let now = time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339);
        let world = Self { suite, hands, tenant: TENANT.to_owned(), now: now.expect("a time can be written") };
        let tenant = json!({"tenantId": TENANT, "displayName": "茶铺", "zone": "Asia/Shanghai", "currency": "CNY"});
        let request = json!({"requestId": "shop", "tenant": tenant});
        world.ask("admin.v1.TenantService/CreateTenant", request).await.expect("the tenant is created");
        world.settle_programme().await;
        programme::publish(&world.suite, TENANT).await;
        world.settle_programme().await;
        world
    }

    /// What is about no user lies in one partition.
    async fn settle_programme(&self) {
        let partition = Partition::of(&tenant(), "");
        self.settle(partition, &mut StdRng::seed_from_u64(0)).await;
    }
}

fn tenant() -> TenantId {
    TenantId::new(TENANT).expect("a tenant id")
}

/// The users of each partition.
fn lives(base: u64, users: u64) -> BTreeMap<Partition, Vec<Life>> {
    let name = |nth: &u64| format!("u{nth}");
    let here = |nth: &u64| Partition::of(&tenant(), &name(nth)).index() < PARTITIONS;
    let mut parts: BTreeMap<Partition, Vec<Life>> = BTreeMap::new();
    for nth in (0..).filter(here).take(usize::try_from(users).unwrap_or(usize::MAX)) {
        let history = History::of(base.wrapping_mul(1_000_003).wrapping_add(nth));
        let life = Life { user: name(&nth), history, told: Vec::new() };
        parts.entry(Partition::of(&tenant(), &life.user)).or_default().push(life);
    }
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn any_interleaving_of_the_four_services_ends_where_a_plain_model_does() {
    let base = given("BANYAN_MODEL_BASE").unwrap_or(1);
    let users = given("BANYAN_MODEL_USERS").unwrap_or(USERS);
    let world = World::open().await;
    let mut parts = lives(base, users);
    if let Some(one) = given("BANYAN_MODEL_USER") {
        let name = format!("u{one}");
        parts.retain(|_, lives| lives.iter().any(|life| life.user == name));
    }
    let scarce = users >= USERS && parts.len() > 1;
    let lives: Vec<Life> = futures::stream::iter(parts)
        .map(|(partition, mut lives)| {
            let world = &world;
            async move {
                world.live(partition, &mut lives, base.wrapping_mul(64).wrapping_add(partition.index().into())).await;
                lives
            }
        })
        .buffer_unordered(ABREAST)
        .collect::<Vec<Vec<Life>>>()
        .await
        .into_iter()
        .flatten()
        .collect();
    let mut faults = ledgers::faults(&world).await;
    faults.extend(differences(&world, base, &lives).await);
    if scarce {
        let mut conn = world.suite.database().admin("public").await;
        for campaign in programme::SCARCE {
            let refused = ledgers::refused(&mut conn, TENANT, campaign).await;
            assert!(refused > 0, "{campaign} was to be scarce");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Users that stand elsewhere than the model says, and campaigns whose figures are others.
async fn differences(world: &World, base: u64, lives: &[Life]) -> Vec<String> {
    let found = found::standings(&world.suite, TENANT).await;
    let mut told = Vec::new();
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    let mut wrong = 0;
    for life in lives {
        let expected = plain::standing(&life.history, &life.told);
        for (campaign, gifts) in &expected.gifts {
            let sum = figures.entry(campaign.clone()).or_default();
            gifts.iter().for_each(|gift| add(sum, gift, ["thanks", "sorry"].contains(&campaign.as_str())));
        }
        let stands = found.get(&life.user).cloned().unwrap_or_default();
        if expected != stands {
            wrong += 1;
            if wrong <= TOLD_MAX {
                told.push(story(base, life, &expected, &stands));
            }
        }
    }
    if wrong > 0 {
        told.push(format!("{wrong} of {} users stand elsewhere than the model says", lives.len()));
    }
    let mut conn = world.suite.database().admin("public").await;
    for (campaign, stand) in ledgers::figures(&mut conn, TENANT).await {
        let expected = figures.get(&campaign).copied().unwrap_or_default();
        if programme::OWN.contains(&campaign.as_str()) && expected != stand {
            told.push(format!("{campaign} has the figures {stand:?}, by the model {expected:?}"));
        }
    }
    told
}

/// Adds what a gift counts for.
fn add(sum: &mut Figures, gift: &Gift, coupon: bool) {
    let refused = gift.fate == plain::REFUSED;
    let back = if coupon { gift.taken_back * gift.cost } else { gift.taken_back };
    let spent = if gift.fate == plain::SPENT { gift.cost - back } else { 0 };
    let released = if refused { gift.cost } else { back };
    let stands = !refused && gift.taken_back < gift.amount;
    let used = coupon && gift.fate == plain::SPENT;
    let counts = [1, stands.into(), refused.into(), gift.cost, released, spent, coupon.into(), used.into()];
    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
}

/// What to know of a user that stands elsewhere.
fn story(base: u64, life: &Life, expected: &Standing, found: &Standing) -> String {
    let mut text = format!("BANYAN_MODEL_BASE={base} BANYAN_MODEL_USER={}: ", &life.user[1..]);
    let _ = writeln!(text, "{} of {} does not stand where the model says", life.user, life.history.site);
    let _ = writeln!(
        text,
        "orders, in yuan: {:?}; checkouts, as (order, pieces): {:?}",
        life.history.orders, life.history.checkouts
    );
    for (deed, answer) in &life.told {
        let _ = writeln!(text, "  {deed:?} -> {answer:?}");
    }
    let (model, there) = (format!("{expected:#?}"), format!("{found:#?}"));
    let (model, there): (Vec<&str>, Vec<&str>) = (model.lines().collect(), there.lines().collect());
    for line in model.iter().filter(|line| !there.contains(line)) {
        let _ = writeln!(text, "  model: {line}");
    }
    for line in there.iter().filter(|line| !model.contains(line)) {
        let _ = writeln!(text, "  found: {line}");
    }
    let _ = writeln!(text, "model {expected:?}\nfound {found:?}");
    text
}
