//! The ledger while the suite and Postgres are killed: no balance below zero, nothing lost, nothing doubled.
//!
//! Callers with request ids move points over a socket: fifty share one account, some move points both ways between two, some
//! work on a thousand. What has no definite answer is sent again, by its id. At the end all that they were told is compared
//! with accounts, statements, totals and log, and every request is sent once more.

mod books;
mod caller;
mod deed;
mod stand;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use proto::admin::v1::{CreateTenantRequest, Tenant};
use proto::common::v1::LocalizedText;
use proto::levels::v1::{
    ActivationPolicy, CreatePointTypeRequest, ExpiryPolicy, PointType, ReversalPolicy, Rounding, TransferLimits,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use testkit::eventually;

use self::books::Books;
use self::caller::{Caller, Ground, Run, Told};
use self::deed::{Answer, Asked, Calls, Deed, POINTS};
use self::stand::{Stand, Victim};

const TENANT: &str = "books";
/// Callers that share one account.
const ON_ONE: u32 = 50;
/// Callers that move points between two accounts, half of them either way.
const CROSSING: u32 = 8;
/// Callers that work on many accounts, and how many these are.
const ON_MANY: u32 = 25;
const ACCOUNTS: u32 = 1000;

#[tokio::test]
async fn fifty_callers_on_an_account_and_more_on_others_lose_and_double_nothing_while_all_is_killed_four_times() {
    nothing_is_lost("ledger", 4).await;
}

#[tokio::test]
#[ignore = "takes minutes; see services/suite/README.md"]
async fn alone_callers_lose_and_double_nothing_while_all_is_killed_twenty_times() {
    nothing_is_lost("ledger-long", 20).await;
}

#[allow(clippy::print_stdout)] // the dice of a failure, and what a run was like
async fn nothing_is_lost(name: &str, kills: usize) {
    let seed = std::env::var("BANYAN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("BANYAN_SEED={seed}");
    let stand = Stand::start(name).await;
    let calls = || Calls::new(stand.port(), &stand.folder(), TENANT);
    define(&calls()).await;
    let run = Run::new();
    let opening = opening(&calls(), &run).await;
    let begun = Instant::now();
    let work = join_all(
        callers(&run, calls, seed).into_iter().map(|(caller, ground)| async move { caller.call(&ground).await }),
    );
    let killed = async {
        let killed = kill_at_random(&stand, &run, kills, seed).await;
        run.over.store(true, Ordering::Relaxed);
        killed
    };
    let (told, killed) = tokio::join!(work, killed);
    let told: Vec<Told> = opening.into_iter().chain(told.into_iter().flatten()).collect();
    let took = begun.elapsed();
    let compared = Books::of(&told).compare(&calls()).await.unwrap();
    repeat_all(&calls(), &run, &told).await;
    let repeated = Books::of(&told).compare(&calls()).await.unwrap();
    assert_eq!(repeated, compared, "repeats have no effect");
    let (unknown, had_effect) = (run.unknown.into_inner(), run.had_effect.into_inner());
    println!(
        "{killed:?}; {} requests in {took:?}, {:?}; {unknown} had no answer at first, {had_effect} of them had \
         had their effect; {compared:?}",
        told.len(),
        done(&told),
    );
    assert!(compared.accounts >= 1003 && compared.entries >= 1000, "{compared:?}");
    assert!(unknown >= kills as u64, "the kills met nobody: {unknown}");
    assert_eq!(done(&told).len(), 10, "not all that there is to do was done, and refused where there was too little");
}

/// The tenant and its point type, in which nothing lapses, and points can be moved.
async fn define(calls: &Calls) {
    let text = |zh: &str, en: &str| {
        let texts = [("zh".to_owned(), zh.to_owned()), ("en".to_owned(), en.to_owned())];
        Some(LocalizedText { texts: texts.into(), ..Default::default() })
    };
    let tenant = Tenant {
        tenant_id: TENANT.to_owned(),
        display_name: "账本 Books".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        currency: "CNY".to_owned(),
        ..Default::default()
    };
    let request = CreateTenantRequest { request_id: "tenant".to_owned(), tenant: Some(tenant) };
    eventually(|| async { calls.tenants().create_tenant(calls.operator(request.clone())).await }).await;
    let point_type = PointType {
        point_type_id: POINTS.to_owned(),
        display_name: text("积分", "Points"),
        spendable: true,
        activation_policy: ActivationPolicy::AtOnce.into(),
        expiry_policy: ExpiryPolicy::Never.into(),
        reversal_policy: ReversalPolicy::DownToZero.into(),
        rounding: Rounding::Down.into(),
        zone: "Asia/Shanghai".to_owned(),
        adjustment_limit: 1000,
        transfers: Some(TransferLimits { max_amount: 1000, max_per_day: 1_000_000_000 }),
        ..Default::default()
    };
    let request =
        CreatePointTypeRequest { request_id: "type".to_owned(), point_type: Some(point_type), validate_only: false };
    // levels knows the tenant once it has read of it in profiles' log
    eventually(|| async { calls.points().create_point_type(calls.own(request.clone())).await }).await;
}

/// What the accounts that are shared have to begin with.
async fn opening(calls: &Calls, run: &Run) -> Vec<Told> {
    let mut told = Vec::new();
    let opening = [("共用", 500), ("左", 2000), ("右", 2000)].map(|(user, amount)| (user, Deed::Earn(amount)));
    // refused, which is an answer too
    for (user, deed) in opening.into_iter().chain([("左", Deed::Spend(1_000_000))]) {
        let asked = Asked { id: format!("opening-{user}"), user: user.to_owned(), deed };
        let answer = run.settle(calls, &asked).await;
        told.push(Told { asked, answer });
    }
    told
}

fn callers(run: &Run, calls: impl Fn() -> Calls, seed: u64) -> Vec<(Caller<'_>, Ground)> {
    let mut grounds = Vec::new();
    grounds.extend((0..ON_ONE).map(|_| Ground::One("共用".to_owned())));
    grounds.extend((0..CROSSING).map(|number| match number % 2 {
        0 => Ground::Crossing("左".to_owned(), "右".to_owned()),
        _ => Ground::Crossing("右".to_owned(), "左".to_owned()),
    }));
    let share = ACCOUNTS / ON_MANY;
    grounds.extend((0..ON_MANY).map(|number| Ground::Many { accounts: ACCOUNTS, first: number * share, share }));
    let caller = |(number, ground): (usize, Ground)| {
        let dice = seed.wrapping_add(number as u64);
        (Caller::new(format!("c{number}"), run, calls(), dice), ground)
    };
    grounds.into_iter().enumerate().map(caller).collect()
}

/// Kills each of the victims as often as the others, in any order, after any number of answers.
async fn kill_at_random(stand: &Stand, run: &Run, kills: usize, seed: u64) -> Vec<Victim> {
    let mut rng = StdRng::seed_from_u64(!seed);
    let mut victims: Vec<Victim> =
        [Victim::Suite, Victim::Postgres, Victim::Connection, Victim::Both].into_iter().cycle().take(kills).collect();
    victims.shuffle(&mut rng);
    let mut answers = run.answers.subscribe();
    for victim in &victims {
        let until = *answers.borrow() + rng.random_range(100..900);
        answers.wait_for(|answers| *answers >= until).await.unwrap();
        stand.kill(*victim).await;
    }
    let until = *answers.borrow() + 300;
    answers.wait_for(|answers| *answers >= until).await.unwrap();
    victims
}

/// Sends every request once more: each is answered as it was.
async fn repeat_all(calls: &Calls, run: &Run, told: &[Told]) {
    let repeats = stream::iter(told).map(|it| async move { (it, run.settle(calls, &it.asked).await) });
    let mut repeats = repeats.buffer_unordered(32);
    while let Some((Told { asked, answer: first }, again)) = repeats.next().await {
        assert!(again.replayed, "{asked:?} is not known any more: {again:?}");
        let same = again.whole == first.whole;
        assert!(same, "{asked:?} was answered in two ways: {first:?}, {again:?}");
    }
}

/// How often what was done, and how often it was refused for want of points or of room for another hold.
fn done(told: &[Told]) -> BTreeMap<&str, usize> {
    let mut done = BTreeMap::new();
    for Told { asked, answer: Answer { refused, .. } } in told {
        let name = match refused.as_deref() {
            None => asked.deed.name(),
            Some("BALANCE_SHORT" | "HOLD_LIMIT") => "refused",
            Some(other) => panic!("{asked:?} was refused: {other}"),
        };
        *done.entry(name).or_default() += 1;
    }
    done
}
