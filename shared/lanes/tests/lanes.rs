//! What callers see of lanes, on work that only counts.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use ids::{Partition, TenantId};
use lanes::{BATCH_MAX, Lanes, Outcomes, Unserved, Work};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What a call does to its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Fine,
    Refused,
    /// Fails whatever it is done with.
    Poisoned,
    Panics,
    /// Finds that the store has gone away.
    Unreached,
}

#[derive(Debug, Clone)]
struct Call {
    user: String,
    number: usize,
    manner: Manner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failed {
    Refused,
    Poisoned,
    Gone,
    Unserved(Unserved),
}

impl From<Unserved> for Failed {
    fn from(unserved: Unserved) -> Self {
        Self::Unserved(unserved)
    }
}

/// Keeps what was done, per user, and the sizes of batches; waits for the gate before each.
#[derive(Clone)]
struct Counting(Arc<Inner>);

struct Inner {
    gate: Semaphore,
    flush: Duration,
    done: Mutex<HashMap<(TenantId, String), Vec<usize>>>,
    batches: Mutex<Vec<usize>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Counting {
    fn new(open: bool) -> Self {
        Self::with_flush(open, Duration::ZERO)
    }

    fn with_flush(open: bool, flush: Duration) -> Self {
        Self(Arc::new(Inner {
            gate: Semaphore::new(if open { Semaphore::MAX_PERMITS } else { 0 }),
            flush,
            done: Mutex::default(),
            batches: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }))
    }

    fn open(&self) {
        self.0.gate.add_permits(Semaphore::MAX_PERMITS - self.0.gate.available_permits());
    }

    fn done(&self, tenant: &TenantId, user: &str) -> Vec<usize> {
        let done = self.0.done.lock().unwrap();
        done.get(&(tenant.clone(), user.to_owned())).cloned().unwrap_or_default()
    }

    fn batches(&self) -> Vec<usize> {
        self.0.batches.lock().unwrap().clone()
    }
}

impl Work for Counting {
    type Call = Call;
    type Answer = usize;
    type Error = Failed;

    async fn work(&self, tenant: &TenantId, calls: &[Call]) -> Result<Outcomes<Self>, Failed> {
        let now = self.0.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_at_once.fetch_max(now, Ordering::SeqCst);
        drop(self.0.gate.acquire().await);
        tokio::time::sleep(self.0.flush).await;
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
        if calls.iter().any(|call| call.manner == Manner::Poisoned) {
            return Err(Failed::Poisoned);
        }
        if calls.iter().any(|call| call.manner == Manner::Unreached) {
            return Err(Failed::Gone);
        }
        assert!(calls.iter().all(|call| call.manner != Manner::Panics), "as it was told to");
        self.0.batches.lock().unwrap().push(calls.len());
        let mut done = self.0.done.lock().unwrap();
        Ok(calls
            .iter()
            .map(|call| {
                if call.manner == Manner::Refused {
                    return Err(Failed::Refused);
                }
                done.entry((tenant.clone(), call.user.clone())).or_default().push(call.number);
                Ok(call.number)
            })
            .collect())
    }

    fn common(error: &Failed) -> bool {
        *error == Failed::Gone
    }

    fn flush(&self) -> Duration {
        self.0.flush
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a tenant id")
}

fn call(user: &str, number: usize, manner: Manner) -> Call {
    Call { user: user.to_owned(), number, manner }
}

async fn send(lanes: &Lanes<Counting>, tenant: &TenantId, call: Call) -> Result<usize, Failed> {
    let lane = Partition::of(tenant, &call.user);
    lanes.call(tenant, lane, call, None).await
}

#[tokio::test]
async fn what_gathers_while_a_batch_is_written_is_written_together() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 1_000);
    let calls = (0..200).map(|n| send(&lanes, &shop, call("u1", n, Manner::Fine)));
    let open = async {
        tokio::task::yield_now().await;
        work.open();
    };
    let (outcomes, ()) = tokio::join!(join_all(calls), open);
    assert!(outcomes.iter().enumerate().all(|(n, outcome)| *outcome == Ok(n)));
    assert_eq!(work.done(&shop, "u1"), (0..200).collect::<Vec<_>>());
    assert!(work.batches().len() <= 2, "one was begun, the others waited: {:?}", work.batches());
}

#[tokio::test]
async fn a_refusal_or_a_fault_of_one_call_is_its_own() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 1_000);
    let manner = |n: usize| match n % 20 {
        3 => Manner::Refused,
        7 => Manner::Poisoned,
        11 => Manner::Panics,
        _ => Manner::Fine,
    };
    let calls = (0..200).map(|n| send(&lanes, &shop, call(&format!("u{}", n % 10), n, manner(n))));
    let open = async {
        tokio::task::yield_now().await;
        work.open();
    };
    let (outcomes, ()) = tokio::join!(join_all(calls), open);
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let expected = match manner(n) {
            Manner::Fine => Ok(n),
            Manner::Refused => Err(Failed::Refused),
            Manner::Poisoned => Err(Failed::Poisoned),
            Manner::Panics | Manner::Unreached => Err(Failed::Unserved(Unserved::Broken)),
        };
        assert_eq!(outcome, expected, "call {n}");
    }
    let of_u1: Vec<usize> = (0..200).filter(|n| n % 10 == 1 && manner(*n) == Manner::Fine).collect();
    assert_eq!(work.done(&shop, "u1"), of_u1);
}

#[tokio::test]
async fn calls_are_not_tried_one_by_one_where_the_store_has_gone_away() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 1_000);
    let manner = |n: usize| if n == 5 { Manner::Unreached } else { Manner::Fine };
    let calls = (0..10).map(|n| send(&lanes, &shop, call("u1", n, manner(n))));
    let open = async {
        tokio::task::yield_now().await;
        work.open();
    };
    let (outcomes, ()) = tokio::join!(join_all(calls), open);
    let lost = outcomes.iter().filter(|outcome| **outcome == Err(Failed::Unserved(Unserved::Unreached))).count();
    let gone = outcomes.iter().filter(|outcome| **outcome == Err(Failed::Gone)).count();
    assert_eq!((gone, lost + work.done(&shop, "u1").len()), (1, 9), "{outcomes:?}");
}

#[tokio::test]
async fn a_call_whose_caller_went_away_is_done_all_the_same() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 1_000);
    for n in 0..3 {
        let mut waiting = Box::pin(send(&lanes, &shop, call("u1", n, Manner::Fine)));
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    work.open();
    assert_eq!(send(&lanes, &shop, call("u1", 3, Manner::Fine)).await, Ok(3));
    assert_eq!(work.done(&shop, "u1"), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_before_it_is_begun_is_not_done() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 1_000);
    let lane = Partition::of(&shop, "u1");
    let first = send(&lanes, &shop, call("u1", 0, Manner::Fine));
    let soon = Instant::now() + Duration::from_millis(10);
    let late = lanes.call(&shop, lane, call("u1", 1, Manner::Fine), Some(soon));
    let open = async {
        tokio::time::advance(Duration::from_millis(20)).await;
        work.open();
    };
    let (first, late, ()) = tokio::join!(first, late, open);
    assert_eq!((first, late), (Ok(0), Err(Failed::Unserved(Unserved::Late))));
    assert_eq!(work.done(&shop, "u1"), [0]);
}

#[tokio::test]
async fn more_calls_than_may_wait_are_shed_at_once() {
    let (work, shop) = (Counting::new(false), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 2);
    let mut calls: Vec<_> = (0..4).map(|n| Box::pin(send(&lanes, &shop, call("u1", n, Manner::Fine)))).collect();
    let mut shed = 0;
    for call in &mut calls {
        if let std::task::Poll::Ready(outcome) = futures::poll!(call) {
            assert_eq!(outcome, Err(Failed::Unserved(Unserved::Full)));
            shed += 1;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(shed, 1, "one is being written, two wait");
    work.open();
}

#[tokio::test(start_paused = true)]
async fn a_slow_flush_is_waited_for_side_by_side() {
    let (work, shop) = (Counting::with_flush(true, Duration::from_millis(4)), tenant("shop"));
    let lanes = Lanes::new("test", work.clone(), 10_000);
    for round in 0..20 {
        let calls = (0..64).map(|n| send(&lanes, &shop, call(&format!("u{n}"), round * 64 + n, Manner::Fine)));
        assert!(join_all(calls).await.iter().all(Result::is_ok));
    }
    assert!(work.0.most_at_once.load(Ordering::SeqCst) > 8);
    assert!(work.batches().iter().all(|size| *size <= BATCH_MAX));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_done_once_and_in_its_users_order_however_many_writers_run() {
    let work = Counting::new(true);
    let lanes = Lanes::new("test", work.clone(), 100_000);
    let tenants: Vec<TenantId> = (0..3).map(|n| tenant(&format!("shop-{n}"))).collect();
    let users = (0..60).map(|user| {
        let (lanes, tenant) = (lanes.clone(), tenants[user % 3].clone());
        tokio::spawn(async move {
            for number in 0..100 {
                assert_eq!(send(&lanes, &tenant, call(&format!("u{user}"), number, Manner::Fine)).await, Ok(number));
            }
        })
    });
    for user in join_all(users).await {
        user.expect("all were answered");
    }
    for user in 0..60 {
        assert_eq!(work.done(&tenants[user % 3], &format!("u{user}")), (0..100).collect::<Vec<_>>());
    }
}
