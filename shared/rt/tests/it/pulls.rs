//! Long polls: a limit of their own, and an end at a drain.

use std::time::{Duration, Instant};

use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::event_log_service_server::EventLogService;
use proto::events::v1::{
    Cursor, GetOutcomeRequest, GetOutcomeResponse, GetProgressRequest, GetProgressResponse, PullRequest, PullResponse,
};
use status::reason_of;
use tonic::{Code, Request, Response, Status};

use crate::server::{Running, get};

/// A log in which nothing ever happens.
pub(crate) struct Quiet(pub(crate) std::sync::Arc<tokio::sync::Semaphore>);

#[tonic::async_trait]
impl EventLogService for Quiet {
    async fn pull(&self, _: Request<PullRequest>) -> Result<Response<PullResponse>, Status> {
        self.0.add_permits(1);
        std::future::pending().await
    }

    async fn get_progress(&self, _: Request<GetProgressRequest>) -> Result<Response<GetProgressResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn get_outcome(&self, _: Request<GetOutcomeRequest>) -> Result<Response<GetOutcomeResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}

async fn pull(running: &Running) -> Result<Response<PullResponse>, Status> {
    let cursors = vec![Cursor { partition: 0, after_seq: 0, epoch: 0 }];
    let (service, consumer) = ("levels".to_owned(), "test".to_owned());
    let request = PullRequest { service, consumer, cursors, ..PullRequest::default() };
    EventLogServiceClient::new(running.channel()).pull(request).await
}

#[tokio::test]
async fn pulls_have_a_limit_of_their_own_and_end_at_a_drain() {
    let running = std::sync::Arc::new(
        Running::with(|settings| {
            settings.calls_max = 1;
            settings.pulls_max = 2;
        })
        .await,
    );
    let parked: Vec<_> = (0..2)
        .map(|_| {
            let running = std::sync::Arc::clone(&running);
            tokio::spawn(async move { pull(&running).await })
        })
        .collect();
    let arriving = running.pulls.acquire_many(2);
    tokio::time::timeout(Duration::from_secs(30), arriving).await.expect("the pulls arrive").unwrap().forget();
    // Parked pulls take no place from other calls, and one more is shed.
    running.client().get_scheme(get("any")).await.unwrap();
    let shed = pull(&running).await.unwrap_err();
    assert_eq!((shed.code(), reason_of(&shed).as_deref()), (Code::ResourceExhausted, Some("OVERLOADED")));

    let begun = Instant::now();
    running.shutdown.ask();
    for pull in parked {
        let ended = pull.await.unwrap().unwrap_err();
        assert_eq!((ended.code(), reason_of(&ended).as_deref()), (Code::Unavailable, Some("DRAINING")));
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "less than the bound of the drain");
}

#[tokio::test]
async fn a_pull_has_a_deadline_too() {
    let running = Running::with(|settings| settings.pull_ms_max = 60).await;
    assert_eq!(pull(&running).await.unwrap_err().code(), Code::DeadlineExceeded);
}
