use std::sync::Arc;
use std::time::Duration;

use ids::Partition;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::places::{Place, Places};
use super::take::Stop;
use super::{Consume, Consumer, PullSource};

impl<H: Consume, S: PullSource> Consumer<H, S> {
    /// Reads and applies until `shutdown`, which takes effect between batches.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let leased = watch::Sender::new(Vec::new());
        tokio::select! {
            () = self.read(leased.subscribe(), &shutdown) => {}
            () = self.keep_leases(&leased) => {}
        }
        if let Err(error) = self.leave().await {
            tracing::debug!(consumer = self.handler.name(), ?error, "could not give back the leases of partitions");
        }
    }

    async fn read(&self, mut leased: watch::Receiver<Vec<Partition>>, shutdown: &CancellationToken) {
        let mut places = Places::new();
        let mut stored = Instant::now();
        let mut alarmed = true; // an earlier process may have left an alarm
        while !shutdown.is_cancelled() {
            let held = leased.borrow_and_update().clone();
            if let Err(error) = self.hold(&mut places, &held).await {
                tracing::warn!(consumer = self.handler.name(), ?error, "could not load cursors");
                self.rest(self.settings.pause(4), shutdown, &mut leased).await;
                continue;
            }
            let behind = places.values().any(Place::is_behind);
            let store_at = stored + Duration::from_millis(self.settings.store_every_ms);
            if behind && store_at <= Instant::now() {
                stored = Instant::now();
                self.store_read(&mut places).await;
                continue;
            }
            let until = self.next_look(&places, behind.then_some(store_at));
            let request = self.request(&places, until);
            if request.cursors.is_empty() {
                self.rest(until.saturating_duration_since(Instant::now()), shutdown, &mut leased).await;
                continue;
            }
            let answer = tokio::select! {
                answer = self.source.pull(request) => answer,
                _ = leased.changed() => continue,
                () = shutdown.cancelled() => break,
            };
            let outcome = match answer {
                Ok(answer) => self.take(&mut places, answer).await,
                Err(status) => self.refused(&mut places, &status),
            };
            match outcome {
                Ok(()) if alarmed && self.source_answers(&places) => alarmed = self.all_clear(None).await.is_err(),
                Ok(()) => {}
                Err(Stop(reason)) => {
                    alarmed = true;
                    self.alarm(None, &reason).await;
                    self.rest(self.settings.stopped(), shutdown, &mut leased).await;
                    places.clear();
                }
            }
        }
        self.store_read(&mut places).await;
    }

    /// Whether the last look at the source went well for every partition.
    fn source_answers(&self, places: &Places) -> bool {
        places.values().all(|place| place.failures == 0)
    }

    /// Waits, but not past a change of the leases.
    async fn rest(&self, pause: Duration, shutdown: &CancellationToken, leased: &mut watch::Receiver<Vec<Partition>>) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = leased.changed() => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// The source did not answer, or not what was asked.
    fn refused(&self, places: &mut Places, status: &Status) -> Result<(), Stop> {
        let reason = status::reason_of(status).unwrap_or_default();
        let facts = status::metadata_of(status);
        let fact = |name: &str| facts.get(name)?.parse::<i64>().ok();
        match reason.as_str() {
            "LOG_TRUNCATED" => {
                let place = fact("partition").and_then(Partition::new).and_then(|partition| places.get_mut(&partition));
                match (place, fact("floor"), fact("epoch")) {
                    // never read anything: nothing of it is lost to a consumer that is new
                    (Some(place), Some(floor), Some(epoch)) if place.epoch == 0 && place.read == 0 => {
                        (place.read, place.epoch) = (floor, epoch);
                        tracing::warn!(consumer = self.handler.name(), floor, "a new consumer begins after the floor");
                        Ok(())
                    }
                    _ => Err(Stop(format!("the source no longer has what comes next: {facts:?}"))),
                }
            }
            "EPOCH_MISMATCH" => Err(Stop(format!("the source's log was restored: {facts:?}"))),
            _ => {
                let failures = places.values().map(|place| place.failures).max().unwrap_or(0) + 1;
                let at = Instant::now() + self.settings.pause(failures);
                for place in places.values_mut() {
                    place.failures = failures;
                    place.not_before = Some(place.not_before.map_or(at, |earlier| earlier.max(at)));
                }
                let (consumer, source) = (self.handler.name(), self.handler.source());
                tracing::warn!(consumer, source, code = ?status.code(), failures, "the source cannot be read");
                Ok(())
            }
        }
    }
}
