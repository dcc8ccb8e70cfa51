//! Calls that share transactions: whatever comes together, everybody gets the answer, and every case the rows and events,
//! that the same calls one by one lead to.

use std::sync::Arc;

use feedback::Feedback;
use feedback::commands::{HandleCase, SubmitCase, ValueConsumer};
use feedback::domain::act::Act;
use feedback::domain::classification::ClassificationRule;
use feedback::domain::entry::Resolution;
use feedback::domain::handling::Correction;
use feedback::domain::refusal::Refusal;
use feedback::domain::submission::Submission;
use feedback::domain::triage::Urgency;
use feedback::error::FeedbackError;
use futures::FutureExt as _;
use futures::future::join_all;
use ids::TenantId;
use proto::feedback::v1 as pb;
use proto::profiles::v1::ProfileAliasLinked;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use service::{Answer, Batcher, Failure, decoded};
use time::macros::datetime;

use crate::stage::{
    Stage, case_type, complaint, empty, event, handling, key, never, request, submit, tenant, user, writes,
};

/// An answer without its place in the log and without what the clock of its transaction said; or why there is none.
type Told = Result<(bool, pb::Case), String>;

#[derive(Debug, Clone)]
enum Say {
    Submit(SubmitCase),
    Handle(HandleCase),
}

fn told(outcome: Result<(bool, Option<pb::Case>), FeedbackError>) -> Told {
    let (replayed, case) = outcome.map_err(|error| format!("{error:?}"))?;
    let mut case = case.unwrap();
    (case.submitted_at, case.first_answered_at, case.resolved_at, case.reopen_until) = (None, None, None, None);
    Ok((replayed, case))
}

fn submitted(outcome: Result<Answer<pb::SubmitCaseResponse>, FeedbackError>) -> Told {
    told(outcome.map(|answer| (answer.replayed, answer.value.case)))
}

fn handled(outcome: Result<Answer<requests::Encoded>, FeedbackError>) -> Told {
    // the answers of all acts look alike
    let outcome = outcome.and_then(decoded::<pb::AnswerCaseResponse, _>);
    told(outcome.map(|answer| (answer.replayed, answer.value.case)))
}

impl Say {
    fn by(&self) -> &str {
        match self {
            Self::Submit(it) => it.submission.user.as_str(),
            Self::Handle(it) => it.user.as_str(),
        }
    }

    /// Alone, one transaction each.
    async fn alone(&self, stage: &Stage, tenant: &TenantId) -> Told {
        match self {
            Self::Submit(it) => submitted(submit(&stage.feedback, tenant, it.clone()).await),
            Self::Handle(it) => {
                let mut outcomes = stage.feedback.handle_cases(tenant, std::slice::from_ref(it)).await.unwrap();
                handled(outcomes.pop().unwrap())
            }
        }
    }
}

/// Calls in one transaction, all of a kind.
async fn together(stage: &Stage, tenant: &TenantId, calls: &[Say]) -> Vec<Told> {
    let (mut submits, mut handles) = (Vec::new(), Vec::new());
    for call in calls {
        match call {
            Say::Submit(it) => submits.push(it.clone()),
            Say::Handle(it) => handles.push(it.clone()),
        }
    }
    if handles.is_empty() {
        stage.feedback.submit_cases(tenant, &submits).await.unwrap().into_iter().map(submitted).collect()
    } else {
        stage.feedback.handle_cases(tenant, &handles).await.unwrap().into_iter().map(handled).collect()
    }
}

/// An id of its own, or one that an earlier call may have.
fn id(rng: &mut StdRng, n: usize) -> String {
    format!("id-{}", if rng.random_bool(0.2) { rng.random_range(0..=n) } else { n })
}

fn says_submit(rng: &mut StdRng, who: &str, n: usize) -> Say {
    let (id, body) = (id(rng, n), rng.random_range(0..2));
    let text = ["快递三天没到", "我要退款"][rng.random_range(0..2)];
    let given = if rng.random_bool(0.1) { "missing" } else { "" };
    let case_id = format!("c{}", rng.random_range(0..8));
    let submission = Submission { case_type: given.to_owned(), ..complaint(who, &case_id, text) };
    Say::Submit(SubmitCase { request: request(who, "CaseService/SubmitCase", &id, body), submission })
}

fn says_handle(rng: &mut StdRng, who: &str, n: usize) -> Say {
    let act = match rng.random_range(0..11) {
        0 => Act::Correct(Correction { urgency: Some(Urgency::High), ..Correction::default() }),
        1 => Act::Correct(Correction {
            case_type: ["refund", "missing"][rng.random_range(0..2)].to_owned(),
            ..Correction::default()
        }),
        2 => Act::Assign { assignee: format!("agent-{n}"), department: String::new() },
        3 => Act::Note,
        4 => Act::Answer,
        5 => Act::Promise { until: [datetime!(2001-1-1 0:00 UTC), datetime!(2999-1-1 0:00 UTC)][n % 2] },
        6 => Act::AwaitUser,
        7 => Act::Reply,
        8 => Act::Resolve(Resolution::Solved),
        9 => Act::Reopen,
        _ => Act::Rate(rng.random_range(1..=5)),
    };
    let text = ["short", "longer"][rng.random_range(0..2)];
    let command = handling(who, act, writes("bob", text), &id(rng, n));
    Say::Handle(HandleCase { case_id: key(&format!("c{}", rng.random_range(0..3))), ..command })
}

/// Calls of a few users about a few cases, some of them under the same ids.
fn calls(rng: &mut StdRng, seed: u64, whom: &[&str], count: usize) -> Vec<Say> {
    let mut submitting = true;
    let mut next = |n| {
        if rng.random_bool(0.1) {
            submitting = !submitting;
        }
        let who = format!("s{seed}-{}", whom[rng.random_range(0..whom.len())]);
        if submitting { says_submit(rng, &who, n) } else { says_handle(rng, &who, n) }
    };
    (0..count).map(&mut next).collect()
}

/// Tenants `shop` and `alone` with the same desk: clocks stand still, so that nothing depends on how long calls take.
async fn both_tenants() -> (Stage, TenantId) {
    let mut stage = empty().await;
    for id in ["alone", "shop"] {
        stage.enter(id).await;
        stage.policy(never(), 60, 240, "policy").await;
        stage.case_type(case_type("refund"), "type").await;
        let rule = ClassificationRule {
            id: "money".into(),
            any_keywords: vec!["退款".into()],
            case_type: "refund".into(),
            ..ClassificationRule::default()
        };
        stage.rules(vec![rule], "rules").await.unwrap();
        for seed in 0..5 {
            let linked = ProfileAliasLinked { alias: format!("s{seed}-alias") };
            stage.apply(&ValueConsumer, &[event(&format!("s{seed}-u0"), "1", &linked, &[])]).await;
        }
    }
    stage
        .execute(
            "insert into case_standing (tenant_id, user_id, rank)
        select tenant, 's' || seed || '-u1', 3 from unnest(array['alone', 'shop']) tenant, generate_series(0, 4) seed",
        )
        .await;
    (stage, tenant("alone"))
}

/// What is kept of the calls of one of two tenants, and not of the other's.
async fn differences(stage: &Stage, one: &TenantId, other: &TenantId) -> Vec<String> {
    let (one, other) = (rows(stage, one).await, rows(stage, other).await);
    assert!(one.len() > 100, "only {} rows", one.len());
    let alone = |rows: &[String], others: &[String]| {
        rows.iter().filter(|row| !others.contains(row)).cloned().collect::<Vec<_>>()
    };
    let mut differences = alone(&one, &other);
    differences.extend(alone(&other, &one));
    differences.extend((one.len() != other.len()).then(|| format!("{} and {} rows", one.len(), other.len())));
    differences
}

/// Everything that is kept of a tenant's calls but times and places in the log.
async fn rows(stage: &Stage, tenant: &TenantId) -> Vec<String> {
    let mut admin = stage.db.admin(feedback::NAME).await;
    let query = "
        select (to_jsonb(c) - array['tenant_id', 'submitted_at', 'first_answered_at', 'resolved_at', 'reopen_until',
            'decided_at', 'first_since', 'resolution_since'])::text from feedback_case c where tenant_id = $1
        union all select (to_jsonb(e) - array['tenant_id', 'occurred_at', 'recorded_at'])::text
            from case_entry e where tenant_id = $1
        union all select (to_jsonb(r) - array['tenant_id', 'rated_at'])::text from case_rating r where tenant_id = $1
        union all select concat_ws(' ', user_id, method, request_id, refused) from request_record where tenant_id = $1
        union all select concat_ws(' ', user_id, row_number() over (partition by user_id order by seq), type, event_id,
            encode(payload, 'hex'), encode(facts, 'hex')) from event where tenant_id = $1 and user_id <> ''
        order by 1";
    sqlx::query_scalar(query).bind(tenant.as_str()).fetch_all(&mut admin).await.unwrap()
}

#[tokio::test]
async fn a_batch_ends_as_the_same_calls_one_by_one() {
    let (stage, alone) = both_tenants().await;
    for seed in 0..5 {
        let mut rng = StdRng::seed_from_u64(seed);
        let calls = calls(&mut rng, seed, &["u0", "u1", "alias"], 60);
        let mut expected = Vec::new();
        for call in &calls {
            expected.push(call.alone(&stage, &alone).await);
        }
        let mut got = Vec::new();
        for same in calls.chunk_by(|one, next| std::mem::discriminant(one) == std::mem::discriminant(next)) {
            let mut left = same;
            while !left.is_empty() {
                let (batch, rest) = left.split_at(rng.random_range(1..=left.len()));
                got.extend(together(&stage, &stage.tenant, batch).await);
                left = rest;
            }
        }
        for (n, ((got, expected), call)) in got.iter().zip(&expected).zip(&calls).enumerate() {
            assert_eq!(got, expected, "seed {seed}, call {n}: {call:?}");
        }
    }
    assert_eq!(differences(&stage, &stage.tenant, &alone).await, Vec::<String>::new());
}

/// What callers of the API go through.
struct Counter {
    submissions: Batcher<Feedback, SubmitCase>,
    handlings: Batcher<Feedback, HandleCase>,
}

impl Counter {
    fn of(stage: &Stage) -> Self {
        let lanes = lanes::Settings::default();
        Self {
            submissions: Batcher::new("submissions", Arc::clone(&stage.feedback), lanes),
            handlings: Batcher::new("handlings", Arc::clone(&stage.feedback), lanes),
        }
    }

    async fn call(&self, tenant: &TenantId, call: &Say) -> Told {
        match call.clone() {
            Say::Submit(it) => submitted(self.submissions.call(tenant, call.by(), it).await),
            Say::Handle(it) => handled(self.handlings.call(tenant, call.by(), it).await),
        }
    }
}

#[tokio::test]
async fn calls_of_many_callers_end_as_the_same_calls_one_by_one() {
    let (stage, alone) = both_tenants().await;
    let counter = Counter::of(&stage);
    for seed in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed);
        let calls = calls(&mut rng, seed, &["u0", "u1", "u2"], 60);
        for same in calls.chunk_by(|one, next| std::mem::discriminant(one) == std::mem::discriminant(next)) {
            let mut expected = Vec::new();
            for call in same {
                expected.push(call.alone(&stage, &alone).await);
            }
            let gone: Vec<bool> = same.iter().map(|_| rng.random_bool(0.1)).collect();
            let got = same.iter().zip(&gone).map(|(call, gone)| async {
                let mut said = Box::pin(counter.call(&stage.tenant, call));
                // a caller that goes away after the call was sent
                if *gone { said.as_mut().now_or_never() } else { Some(said.await) }
            });
            for (n, ((got, expected), call)) in join_all(got).await.iter().zip(&expected).zip(same).enumerate() {
                if let Some(got) = got {
                    assert_eq!(got, expected, "seed {seed}, call {n}: {call:?}");
                }
            }
            // those whose callers went away are done when a later call of their lanes is
            for call in same {
                let again = (counter.call(&stage.tenant, call).await, call.alone(&stage, &alone).await);
                assert_eq!(again.0, again.1, "seed {seed}, repeated: {call:?}");
            }
        }
    }
    assert_eq!(differences(&stage, &stage.tenant, &alone).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_call_that_breaks_its_batch_fails_alone() {
    let stage = crate::stage::stage().await;
    let counter = Counter::of(&stage);
    // a text that Postgres cannot store, and that the API does not let through
    let said = |text: &'static str| {
        move |n: usize| {
            let case_id = format!("{}-{n}", if text.contains('\0') { "poisoned" } else { "fine" });
            let request = request("u", "CaseService/SubmitCase", &case_id, 0);
            Say::Submit(SubmitCase { request, submission: complaint("u", &case_id, text) })
        }
    };
    let fine: Vec<Say> = (0..20).map(said("text")).collect();
    let poisoned: Vec<Say> = (0..3).map(said("\0")).collect();
    let done = |call| counter.call(&stage.tenant, call).map(|outcome| outcome.is_ok());
    let (fine, poisoned) = futures::join!(join_all(fine.iter().map(done)), join_all(poisoned.iter().map(done)));
    assert_eq!((fine, poisoned), (vec![true; 20], vec![false; 3]));
    let entries = stage.feedback.list_cases(&stage.tenant, &user("u"), None, 100, &[]).await.unwrap();
    assert_eq!(entries.page.rows.len(), 20);
}

#[tokio::test]
async fn batches_that_take_the_same_ids_in_other_orders_leave_one_case_for_each() {
    let stage = crate::stage::stage().await;
    let batch = |n: u64| {
        let mut ids: Vec<usize> = (0..40).collect();
        ids.rotate_left(usize::try_from(n).unwrap() * 7);
        let call = move |id: usize| {
            let request = request("u", "CaseService/SubmitCase", &format!("{n}-{id}"), 0);
            SubmitCase { request, submission: complaint("u", &format!("c{id}"), "text") }
        };
        ids.into_iter().map(call).collect::<Vec<_>>()
    };
    let batches = (0..4).map(|n| {
        let (feedback, tenant, calls) = (Arc::clone(&stage.feedback), stage.tenant.clone(), batch(n));
        tokio::spawn(async move { feedback.submit_cases(&tenant, &calls).await.unwrap() })
    });
    let (mut fresh, mut exist) = (0, 0);
    for outcomes in join_all(batches).await {
        for outcome in outcomes.unwrap() {
            match outcome {
                Ok(answer) if !answer.replayed => fresh += 1,
                Err(Failure::Refused { refusal: Refusal::CaseExists { .. }, .. }) => exist += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((fresh, exist), (40, 120));
}
