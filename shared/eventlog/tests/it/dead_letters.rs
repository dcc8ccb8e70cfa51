use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use eventlog::ConsumerSettings;
use ids::TenantId;
use proto::admin::v1::consumer_service_server::ConsumerService;
use proto::admin::v1::{
    Consumer, DeadLetter, DiscardDeadLetterRequest, ListConsumersRequest, ListDeadLettersRequest,
    ReplayDeadLettersRequest, ReplayDeadLettersResponse,
};
use testkit::eventually;
use tonic::Code;

use crate::stage::{Book, Stage, call, n_of, settings, visit};

async fn replay(stage: &Stage, user: &str) -> ReplayDeadLettersResponse {
    let request = ReplayDeadLettersRequest {
        service: "levels".to_owned(),
        consumer: "book".to_owned(),
        tenant_id: "shop".to_owned(),
        user_id: user.to_owned(),
    };
    stage.admin().replay_dead_letters(call(None, request)).await.unwrap().into_inner()
}

async fn list(stage: &Stage, page_size: i32) -> Vec<DeadLetter> {
    let mut all = Vec::new();
    let mut request = ListDeadLettersRequest {
        service: "levels".to_owned(),
        consumer: "book".to_owned(),
        page_size,
        page_token: String::new(),
    };
    let admin = stage.admin();
    loop {
        let page = admin.list_dead_letters(call(None, request.clone())).await.unwrap().into_inner();
        assert!(page_size == 0 || page.dead_letters.len() <= page_size as usize);
        all.extend(page.dead_letters);
        if page.next_page_token.is_empty() {
            return all;
        }
        request.page_token = page.next_page_token;
    }
}

async fn discard(stage: &Stage, letter: &DeadLetter) {
    let event = letter.event.as_ref().unwrap();
    let request = DiscardDeadLetterRequest {
        service: "levels".to_owned(),
        consumer: "book".to_owned(),
        source: "profiles".to_owned(),
        partition: event.partition,
        seq: event.seq,
    };
    stage.admin().discard_dead_letter(call(None, request)).await.unwrap();
}

async fn numbers(stage: &Stage, user: &str) -> Vec<i32> {
    stage.applied().await.into_iter().filter(|(_, who, ..)| who == user).map(|(.., n)| n).collect()
}

#[tokio::test]
async fn an_event_that_fails_is_set_aside_with_its_users_later_ones_and_nobody_elses() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::failing_at(2));
    stage.visit("shop", &[("a", 1), ("b", 1), ("a", 2), ("b", 3), ("a", 3), ("c", 1)]).await;
    stage.visit("shop", &[("a", 4), ("b", 4)]).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(numbers(&stage, "a").await, [1]);
    assert_eq!(numbers(&stage, "b").await, [1, 3, 4]);
    assert_eq!(numbers(&stage, "c").await, [1]);
    let letters = list(&stage, 0).await;
    let got: Vec<_> =
        letters.iter().map(|l| (n_of(l.event.as_ref().unwrap()), l.reason.as_str(), l.attempts)).collect();
    let behind = "an earlier event of the user is set aside";
    assert_eq!(got, [(2, "number 2 is refused", 1), (3, behind, 0), (4, behind, 0)]);
}

#[tokio::test]
async fn replay_applies_a_users_events_in_order_and_the_user_flows_again() {
    let stage = Stage::new().await;
    let book = Book::failing_at(2);
    let running = stage.consume(&book);
    stage.visit("shop", &[("a", 1), ("a", 2), ("a", 3)]).await;
    eventually(|| stage.quiet()).await;
    let again = replay(&stage, "a").await;
    let want = ReplayDeadLettersResponse { applied: 0, remaining: 2, reason: "number 2 is refused".to_owned() };
    assert_eq!(again, want);
    assert_eq!(list(&stage, 0).await[0].attempts, 2);
    book.mend();
    let again = replay(&stage, "a").await;
    assert_eq!(again, ReplayDeadLettersResponse { applied: 2, ..Default::default() });
    assert_eq!(replay(&stage, "a").await, ReplayDeadLettersResponse::default());
    stage.visit("shop", &[("a", 4)]).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(numbers(&stage, "a").await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_flows_again_after_one_replay_whatever_arrives_meanwhile() {
    let stage = Stage::new().await;
    // a batch that holds back an event of the user takes a while, because of a neighbour's
    let partition = |user: &str| ids::Partition::of(&TenantId::new("shop").unwrap(), user);
    let neighbour = (0..).map(|index| format!("b{index}")).find(|user| partition(user) == partition("a")).unwrap();
    let book = Book { slow: Some(neighbour.clone()), ..Book::default() };
    let running = stage.consume(&book);
    let mut n = 0;
    for _ in 0..20 {
        n += 1;
        book.fails_at.store(n, Ordering::Relaxed);
        stage.visit("shop", &[("a", n)]).await;
        eventually(|| stage.quiet()).await;
        book.mend();
        let arrivals = async {
            for _ in 0..3 {
                n += 1;
                stage.visit("shop", &[("a", n), (&neighbour, n)]).await;
            }
        };
        let amid = async {
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..40))).await;
            replay(&stage, "a").await
        };
        let (_, replayed) = futures::future::join(arrivals, amid).await;
        assert_eq!(replayed.remaining, 0);
        eventually(|| stage.quiet()).await;
        assert_eq!(list(&stage, 0).await, []);
    }
    running.end().await;
    assert_eq!(numbers(&stage, "a").await, (1..=n).collect::<Vec<_>>());
}

#[tokio::test]
async fn discarding_gives_up_one_event_and_the_rest_is_replayed() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::failing_at(2));
    stage.visit("shop", &[("a", 2), ("a", 3), ("a", 4)]).await;
    eventually(|| stage.quiet()).await;
    let letters = list(&stage, 1).await;
    assert_eq!(letters.len(), 3);
    discard(&stage, &letters[0]).await;
    discard(&stage, &letters[0]).await;
    assert_eq!(replay(&stage, "a").await.applied, 2);
    running.end().await;
    assert_eq!(numbers(&stage, "a").await, [3, 4]);
}

#[tokio::test]
async fn a_handler_that_panics_over_an_event_sets_it_aside() {
    let stage = Stage::new().await;
    let book = Book { panics: true, ..Book::failing_at(2) };
    let running = stage.consume(&book);
    stage.visit("shop", &[("a", 1), ("b", 2), ("c", 3)]).await;
    eventually(|| stage.quiet()).await;
    running.end().await;
    let users: BTreeSet<String> = stage.applied().await.into_iter().map(|(_, user, ..)| user).collect();
    assert_eq!(users, BTreeSet::from(["a".to_owned(), "c".to_owned()]));
    assert_eq!(list(&stage, 0).await[0].reason, "the handler panicked");
}

#[tokio::test]
async fn a_store_that_is_away_sets_nothing_aside() {
    let stage = Stage::new().await;
    let book = Book::default();
    let running = stage.consume(&book);
    eventually(|| async { !stage.progress().await.consumers.is_empty() }).await;
    let mut admin = stage.db.admin("levels").await;
    // what the handler writes to is gone for a while: a fault of ours, not of the event's
    sqlx::query("alter table applied rename to away").execute(&mut admin).await.unwrap();
    stage.visit("shop", &[("a", 1), ("b", 1)]).await;
    eventually(|| async { *book.handed.lock().unwrap() > 6 }).await; // some attempts at two events
    sqlx::query("alter table away rename to applied").execute(&mut admin).await.unwrap();
    eventually(|| stage.quiet()).await;
    running.end().await;
    assert_eq!(stage.applied().await.len(), 2);
    assert_eq!(list(&stage, 0).await, []);
}

#[tokio::test]
async fn too_many_dead_letters_stop_the_consumer_until_the_reason_is_gone() {
    let stage = Stage::new().await;
    let book = Book::failing_at(2);
    let running = stage.consume_with(&book, ConsumerSettings { dead_letters_max: 3, concurrent: 1, ..settings() });
    let users: Vec<String> = (0..40).map(|index| format!("u{index}")).collect();
    let visits: Vec<(&str, i32)> = users.iter().map(|user| (user.as_str(), 2)).collect();
    stage.visit("shop", &visits).await;
    let stopped = eventually(|| async {
        let consumers = stage.progress().await.consumers;
        consumers.into_iter().find(|consumer| !consumer.stopped.is_empty())
    })
    .await;
    assert!(stopped.stopped.contains("events would be set aside"), "{}", stopped.stopped);
    assert!(stopped.dead_letters <= 3);
    assert!(!stage.quiet().await);
    book.mend();
    eventually(|| stage.quiet()).await;
    eventually(|| async { stage.progress().await.consumers[0].stopped.is_empty() }).await;
    for user in &users {
        replay(&stage, user).await;
    }
    running.end().await;
    assert_eq!(stage.applied().await.len(), 40);
}

#[tokio::test]
async fn an_unknown_type_that_must_be_understood_pauses_its_partition_only() {
    let stage = Stage::new().await;
    let tenant = TenantId::new("shop").unwrap();
    let db = stage.db.db("profiles").await;
    let mut tx = db.begin(&tenant).await.unwrap();
    let mut unknown = visit("a", 2).must_understand();
    unknown.kind = "user.teleported";
    let drafts = [visit("a", 1), unknown, visit("a", 3)];
    stage.profiles.append(&mut tx, &tenant, &drafts).await.unwrap();
    tx.commit().await.unwrap();
    let elsewhere = (0..).map(|n| format!("b{n}"));
    let partition = |user: &str| ids::Partition::of(&tenant, user);
    let elsewhere = elsewhere.into_iter().find(|user| partition(user) != partition("a")).unwrap();
    stage.visit("shop", &[(&elsewhere, 1)]).await;
    let running = stage.consume(&Book::default());
    let stopped = eventually(|| async {
        let consumers = stage.progress().await.consumers;
        consumers.into_iter().find(|consumer| !consumer.stopped.is_empty())
    })
    .await;
    assert!(stopped.stopped.contains("user.teleported"), "{}", stopped.stopped);
    eventually(|| async { stage.applied().await.len() == 2 }).await;
    assert_eq!((numbers(&stage, "a").await, numbers(&stage, &elsewhere).await), (vec![1], vec![1]));
    running.end().await;
    // a release that knows the type goes on where it stood
    let book = Book { types: &["user.visited", "user.teleported"], ..Book::default() };
    let running = stage.consume(&book);
    eventually(|| stage.quiet()).await;
    eventually(|| async { stage.progress().await.consumers[0].stopped.is_empty() }).await;
    running.end().await;
    assert_eq!(numbers(&stage, "a").await, [1, 2, 3]);
}

#[tokio::test]
async fn consumers_are_listed_with_their_lag_and_dead_letters() {
    let stage = Stage::new().await;
    let running = stage.consume(&Book::failing_at(2));
    stage.visit("shop", &[("a", 1), ("a", 2), ("a", 3)]).await;
    eventually(|| stage.quiet()).await;
    let request = ListConsumersRequest { service: "levels".to_owned() };
    let listed = stage.admin().list_consumers(call(None, request)).await.unwrap().into_inner().consumers;
    let want = Consumer {
        service: "levels".to_owned(),
        consumer: "book".to_owned(),
        source: "profiles".to_owned(),
        lag: 0,
        dead_letters: 2,
        stopped: String::new(),
    };
    assert_eq!(listed, [want]);
    running.end().await;
}

#[tokio::test]
async fn a_page_token_of_another_list_is_refused() {
    let stage = Stage::new().await;
    let request = ListDeadLettersRequest {
        service: "levels".to_owned(),
        consumer: "book".to_owned(),
        page_size: 1,
        page_token: "AAAA".to_owned(),
    };
    let refused = stage.admin().list_dead_letters(call(None, request)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(status::reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));
}
