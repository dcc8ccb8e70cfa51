//! Writes end, whatever their callers do.

use std::time::Duration;

use tonic::Code;

use crate::server::{Running, eventually, publish};

#[tokio::test(flavor = "multi_thread")]
async fn of_writes_whose_callers_leave_at_random_each_one_ends_exactly_once() {
    const CALLERS: usize = 500;
    let running = Running::with(|settings| settings.calls_max = 2 * CALLERS).await;
    let channels: Vec<_> = (0..10).map(|_| running.client()).collect();
    let callers = (0..CALLERS).map(|n| {
        let mut client = channels[n % channels.len()].clone();
        let patience = Duration::from_micros(rand::random_range(0..20_000));
        tokio::spawn(async move {
            let call = client.publish_scheme(publish(&format!("r{n}"), "gold"));
            tokio::time::timeout(patience, call).await.is_err()
        })
    });
    let left = futures::future::join_all(callers).await.into_iter().filter(|left| *left.as_ref().unwrap()).count();
    let ended = || running.watch.writes.lock().unwrap().values().all(|(begun, ended)| begun == ended);
    eventually("all writes end", ended).await;
    let writes = running.watch.writes.lock().unwrap();
    assert!(writes.values().all(|counts| *counts == (1, 1)), "{writes:?}");
    // Otherwise nothing was tried: many callers left, and writes had begun.
    assert!(left > 50 && writes.len() > 50, "{left} callers left, {} writes begun", writes.len());
}

#[tokio::test]
async fn a_write_outlives_its_callers_deadline() {
    let running = Running::start().await;
    let mut request = tonic::Request::new(publish("late", "wait"));
    request.set_timeout(Duration::from_millis(50));
    let status = running.client().publish_scheme(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    running.watch.open(1);
    eventually("the write ends", || running.watch.writes.lock().unwrap()["late"] == (1, 1)).await;
}

#[tokio::test]
async fn the_answer_of_a_repeated_write_has_a_trailer() {
    use http_body_util::BodyExt as _;
    let running = Running::start().await;
    let mut raw = crate::raw::Raw::connect(&running).await;
    for (round, expected) in [None, Some("true")].into_iter().enumerate() {
        let body = crate::raw::encoded(&publish("same", "gold"));
        let request = raw.request("/banyan.levels.v1.LevelService/PublishScheme", &[], body);
        let response = raw.send(request).await;
        assert!(!response.headers().contains_key(rt::REPLAYED_TRAILER));
        let body = response.into_body().collect().await.unwrap();
        let trailer = body.trailers().unwrap().get(rt::REPLAYED_TRAILER).map(|value| value.to_str().unwrap());
        assert_eq!(trailer, expected, "round {round}");
    }
}

#[tokio::test]
async fn a_generated_client_sees_the_trailer_in_the_answers_metadata() {
    let running = Running::start().await;
    let mut client = running.client();
    let first = client.publish_scheme(publish("same", "gold")).await.unwrap();
    let second = client.publish_scheme(publish("same", "gold")).await.unwrap();
    assert_eq!(first.metadata().get(rt::REPLAYED_TRAILER), None);
    assert_eq!(second.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    assert_eq!(first.into_inner(), second.into_inner());
}

#[tokio::test]
async fn a_recorded_refusal_has_the_trailer_too() {
    let running = Running::start().await;
    let status = running.client().get_scheme(crate::server::get("refused")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "as before"));
    assert_eq!(status.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
}

#[tokio::test]
async fn a_write_outside_of_a_call_is_waited_for() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let caller = tokio::spawn(rt::write::<_, tonic::Status, _>(async move {
        let _ = receive.await;
        Ok(())
    }));
    tokio::task::yield_now().await;
    caller.abort();
    let _ = caller.await;
    assert!(!rt::finished(Duration::from_millis(20)).await);
    send.send(()).unwrap();
    assert!(rt::finished(Duration::from_secs(5)).await);
}
