//! Calls that share transactions: whatever comes together, everybody gets the answer, and every account the rows, that
//! the same calls one by one lead to.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use levels::Levels;
use levels::commands::{AnyPosting, Call, Earn, Posting};
use levels::domain::book::{AccountKey, Book};
use levels::domain::entry::Filter;
use levels::domain::expiry::Expiry;
use levels::domain::point_type::ReversalPolicy;
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use requests::{Encoded, Request};
use service::{Answer, Batcher, decoded, only};
use time::{Duration, OffsetDateTime};

use crate::holds::{capture, hold, release};
use crate::stage::{Stage, create_point_type, earn, other, spend, stage};

/// How the plain path and the lanes are compared: by everything of an answer but times and places in the log.
type Told = Result<(bool, Vec<(i32, i64, i64)>, i64), String>;

/// A call, and what its caller does.
#[derive(Debug, Clone)]
enum Say {
    Earn(String, i64, String),
    Spend(String, i64, String),
    Hold(String, i64, String),
    Capture(String, String, i64, String),
    Release(String, String, String),
    /// Earned next week: refused by the clock, and not recorded.
    TooEarly(String, String),
}

/// An earning whose batch breaks down.
struct Poisoned(Earn);

impl Posting for Poisoned {
    fn request(&self) -> &Request {
        self.0.request()
    }

    fn user(&self) -> &ids::UserId {
        self.0.user()
    }

    fn named(&self) -> levels::commands::Named<'_> {
        self.0.named()
    }

    fn decide(&self, _: &mut Book<'_>, _: &AccountKey, _: OffsetDateTime) -> Result<levels::commands::Reply, Refusal> {
        panic!("poisoned")
    }

    fn answer(&self, reply: levels::commands::Reply, position: Position) -> Encoded {
        self.0.answer(reply, position)
    }
}

impl Call for Poisoned {
    type Answer = pb::EarnResponse;
}

fn says(rng: &mut StdRng, n: usize) -> Say {
    let who = format!("u{}", rng.random_range(0..5));
    let id = format!("id-{}", if rng.random_bool(0.2) { rng.random_range(0..=n) } else { n });
    let amount = rng.random_range(1..60);
    let held = || levels::commands::hold_id(&who, &format!("id-{}", n.saturating_sub(3))).to_string();
    match rng.random_range(0..12) {
        0..4 => Say::Earn(who, amount, id),
        4..7 => Say::Spend(who, amount, id),
        7 | 8 => Say::Hold(who, amount, id),
        9 => Say::Capture(who.clone(), held(), amount, id),
        10 => Say::Release(who.clone(), held(), id),
        _ => Say::TooEarly(who, id),
    }
}

async fn tell<C: Call>(outcome: Result<Answer<C::Answer>, LevelsError>, look: fn(C::Answer) -> Seen) -> Told {
    match outcome {
        Ok(answer) => {
            let (rows, available) = look(answer.value);
            Ok((answer.replayed, rows, available))
        }
        Err(error) => Err(format!("{error:?}")),
    }
}

type Seen = (Vec<(i32, i64, i64)>, i64);

fn entry(entry: Option<pb::Entry>, available: i64) -> Seen {
    (entry.iter().map(|entry| (entry.kind, entry.amount, entry.balance_after)).collect(), available)
}

fn held(hold: Option<pb::Hold>, available: i64) -> Seen {
    (hold.iter().map(|hold| (hold.state, hold.amount, hold.captured)).collect(), available)
}

impl Say {
    /// Says it by `post`, which is the plain path or the lanes.
    async fn to(&self, by: &By<'_>) -> Told {
        let next_week = OffsetDateTime::now_utc() + Duration::days(7);
        match self {
            Self::Earn(who, amount, id) => {
                tell::<Earn>(by.post(earn(who, "points", *amount, id, None)).await, |it| entry(it.entry, 0)).await
            }
            Self::TooEarly(who, id) => {
                let call = earn(who, "points", 1, id, Some(next_week));
                tell::<Earn>(by.post(call).await, |it| entry(it.entry, 0)).await
            }
            Self::Spend(who, amount, id) => {
                let outcome = by.post(spend(who, *amount, id)).await;
                tell::<levels::commands::Spend>(outcome, |it| entry(it.entry, it.available_after)).await
            }
            Self::Hold(who, amount, id) => {
                let outcome = by.post(hold(who, *amount, id)).await;
                tell::<levels::commands::HoldPoints>(outcome, |it| held(it.hold, it.available_after)).await
            }
            Self::Capture(who, of, amount, id) => {
                let outcome = by.post(capture(who, of, *amount, id)).await;
                tell::<levels::commands::CaptureHold>(outcome, |it| held(it.hold, it.available_after)).await
            }
            Self::Release(who, of, id) => {
                let outcome = by.post(release(who, of, id)).await;
                tell::<levels::commands::ReleaseHold>(outcome, |it| held(it.hold, it.available_after)).await
            }
        }
    }
}

/// What callers of the API go through.
type Till = Batcher<Levels, AnyPosting>;

/// The two ways of posting.
enum By<'a> {
    OneByOne(&'a Stage),
    Lanes(&'a Till, &'a Stage),
}

impl By<'_> {
    async fn post<C: Call>(&self, call: C) -> Result<Answer<C::Answer>, LevelsError> {
        match self {
            Self::OneByOne(stage) => only(stage.levels.post(&other(), &[call]).await?),
            Self::Lanes(till, stage) => post(till, &stage.tenant, call).await,
        }
    }
}

async fn post<C: Call>(till: &Till, tenant: &ids::TenantId, call: C) -> Result<Answer<C::Answer>, LevelsError> {
    let user = call.user().clone();
    decoded(till.call(tenant, user.as_str(), AnyPosting::of(call)).await?)
}

fn till(stage: &Stage) -> Till {
    Batcher::new("test", Arc::clone(&stage.levels), lanes::Settings::default())
}

async fn both_tenants() -> Stage {
    let stage = stage().await;
    let policy = ReversalPolicy::MayGoNegative;
    create_point_type(&stage.levels, &other(), "points", true, Expiry::Days(365, None), policy).await;
    stage
}

impl Stage {
    /// Everything on a user's account, by tenant.
    async fn rows(&self, tenant: &ids::TenantId, who: &str) -> Vec<(i32, i64, i64)> {
        let account = (&crate::stage::user(who), &crate::stage::key("points"));
        let every = Filter::default();
        let (page, _) = self.levels.list_entries(tenant, account, &every, None, 200, &[]).await.unwrap();
        let entries = page.rows.iter().map(levels::wire::entry);
        entries.map(|entry| (entry.kind, entry.amount, entry.balance_after)).collect()
    }
}

#[tokio::test]
async fn calls_that_share_transactions_end_as_the_same_calls_one_by_one() {
    let stage = both_tenants().await;
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let till = till(&stage);
        let calls: Vec<Say> = (0..60).map(|n| says(&mut rng, n + 1_000 * usize::try_from(seed).unwrap())).collect();
        let mut expected = Vec::new();
        for call in &calls {
            expected.push(call.to(&By::OneByOne(&stage)).await);
        }
        let by = By::Lanes(&till, &stage);
        let gone: Vec<bool> = calls.iter().map(|_| rng.random_bool(0.1)).collect();
        let got = calls.iter().zip(&gone).map(|(call, gone)| async {
            let mut said = Box::pin(call.to(&by));
            // a caller that goes away after the call was sent
            if *gone { said.as_mut().now_or_never() } else { Some(said.await) }
        });
        let got = join_all(got).await;
        // those whose callers went away are done when a later call of their lanes is
        for who in ["u0", "u1", "u2", "u3", "u4"] {
            let last = Say::Earn(who.to_owned(), 1, format!("last-{seed}"));
            assert_eq!(last.to(&by).await, last.to(&By::OneByOne(&stage)).await, "seed {seed}, the last call of {who}");
        }
        for (n, ((got, expected), call)) in got.iter().zip(&expected).zip(&calls).enumerate() {
            if let Some(got) = got {
                assert_eq!(got, expected, "seed {seed}, call {n}: {call:?}");
            }
        }
        for who in ["u0", "u1", "u2", "u3", "u4"] {
            let rows = (stage.rows(&stage.tenant, who).await, stage.rows(&other(), who).await);
            assert_eq!(rows.0, rows.1, "seed {seed}, rows of {who}");
        }
    }
    stage.audit().await;
}

#[tokio::test]
async fn a_call_that_breaks_its_batch_fails_alone() {
    let stage = both_tenants().await;
    let till = till(&stage);
    stage.earn("u", 1, "first").await.unwrap();
    let fine = (0..30).map(|n| {
        let call = earn("u", "points", 10, &format!("fine-{n}"), None);
        post(&till, &stage.tenant, call).map(|outcome| outcome.is_ok())
    });
    let poisoned = (0..3).map(|n| {
        let call = Poisoned(earn("u", "points", 10, &format!("poisoned-{n}"), None));
        post(&till, &stage.tenant, call).map(|outcome| outcome.is_ok())
    });
    let (fine, poisoned) = futures::join!(join_all(fine), join_all(poisoned));
    assert_eq!((fine, poisoned), (vec![true; 30], vec![false; 3]));
    assert_eq!(stage.balance("u", "points").await.available, 301);
    stage.audit().await;
}

#[tokio::test]
async fn a_tenant_that_is_not_known_holds_nobody_up() {
    let stage = both_tenants().await;
    let till = till(&stage);
    let unknown = crate::stage::tenant("nobody");
    let refused = post(&till, &unknown, earn("u", "points", 1, "1", None)).await;
    assert!(matches!(refused, Err(LevelsError::TenantUnknown { .. })), "{refused:?}");
}
