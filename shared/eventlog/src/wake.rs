use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use ids::Partition;
use redis::AsyncCommands;
use tokio::sync::{Mutex, mpsc};

use crate::Log;

/// Messages that wait to be sent. More are dropped: a poll finds the events.
const QUEUE_MAX: usize = 1_024;
/// A Redis that does not answer for so long is given up and tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Place = (Partition, i64);

/// Wake-ups between processes through Redis. They only save waiting: nothing depends on one that is lost.
pub(crate) struct Wakes {
    redis: Option<redis::Client>,
    queue: mpsc::Sender<Place>,
    queued: Mutex<mpsc::Receiver<Place>>,
}

impl Wakes {
    pub(crate) fn new(redis: Option<redis::Client>) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        Self { redis, queue, queued: Mutex::new(queued) }
    }

    pub(crate) fn send(&self, places: impl Iterator<Item = Place>) {
        if self.redis.is_some() {
            for place in places {
                let _ = self.queue.try_send(place);
            }
        }
    }
}

impl Log {
    fn channel(&self) -> String {
        format!("banyan:{{{}}}:eventlog", self.source())
    }

    /// Tells other processes of this one's events, many in one message.
    pub(crate) async fn publish_wakes(&self) {
        let Some(client) = &self.wakes.redis else { return std::future::pending().await };
        let mut queued = self.wakes.queued.lock().await;
        let mut connection = None;
        loop {
            let mut places = Vec::new();
            if queued.recv_many(&mut places, QUEUE_MAX).await == 0 {
                return;
            }
            if connection.is_none() {
                let config = redis::AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(ANSWER_WITHIN))
                    .set_response_timeout(Some(ANSWER_WITHIN));
                connection = client.get_multiplexed_async_connection_with_config(&config).await.ok();
            }
            let Some(open) = &mut connection else {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
                continue;
            };
            if let Err(error) = open.publish::<_, _, i64>(self.channel(), encode(&places)).await {
                tracing::debug!(source = self.source(), ?error, "could not send a wake-up");
                connection = None;
            }
        }
    }

    /// Takes other processes' messages.
    pub(crate) async fn hear_wakes(&self) {
        let Some(client) = &self.wakes.redis else { return std::future::pending().await };
        loop {
            if let Err(error) = self.hear(client).await {
                tracing::debug!(source = self.source(), ?error, "wake-ups are not heard");
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    async fn hear(&self, client: &redis::Client) -> redis::RedisResult<()> {
        let late = |_| redis::RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let mut heard = tokio::time::timeout(ANSWER_WITHIN, client.get_async_pubsub()).await.map_err(late)??;
        tokio::time::timeout(ANSWER_WITHIN, heard.subscribe(self.channel())).await.map_err(late)??;
        let mut messages = heard.on_message();
        while let Some(message) = messages.next().await {
            self.heads.raise(decode(message.get_payload_bytes()));
        }
        Ok(())
    }
}

/// The highest number of each partition, as `partition:seq` with commas between.
fn encode(places: &[Place]) -> String {
    let mut highest = BTreeMap::new();
    for (partition, seq) in places {
        let known = highest.entry(*partition).or_insert(*seq);
        *known = (*known).max(*seq);
    }
    let texts: Vec<String> = highest.iter().map(|(partition, seq)| format!("{partition}:{seq}")).collect();
    texts.join(",")
}

fn decode(message: &[u8]) -> Vec<Place> {
    let place = |text: &str| {
        let (partition, seq) = text.split_once(':')?;
        Some((Partition::new(partition.parse().ok()?)?, seq.parse().ok()?))
    };
    std::str::from_utf8(message).map(|text| text.split(',').filter_map(place).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_newest_event_of_each_partition() {
        let place = |partition, seq| (Partition::new(partition).unwrap(), seq);
        let message = encode(&[place(3, 7), place(1, 2), place(3, 9), place(3, 8)]);
        assert_eq!(message, "1:2,3:9");
        assert_eq!(decode(message.as_bytes()), [place(1, 2), place(3, 9)]);
    }

    #[test]
    fn a_message_that_cannot_be_read_wakes_nobody() {
        assert_eq!(decode(b"99:1,x,3:,\xff"), []);
        assert_eq!(decode(b"99:1,x,3:"), []);
    }
}
