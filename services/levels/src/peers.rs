//! The other services: profiles' log, as its tenant reads it.

use host::Peers;
use ids::TenantId;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::{Cursor, Event, PartitionPage, PullRequest};
use rt::{Channel, repeatable};
use tonic::Status;

use crate::error::LevelsError;

/// The service whose log it is.
const SOURCE: &str = "profiles";
/// Events asked for at once.
const PAGE: i32 = 1_000;

/// What is in a tenant's log of profiles, partition by partition, up to where each ended when it was reached.
pub(crate) struct Past {
    logs: EventLogServiceClient<Channel>,
    types: Vec<String>,
    partitions: i32,
    cursor: Cursor,
    /// Where the partition ended when it was reached.
    end: Option<i64>,
}

impl Past {
    /// Events of these types in the first partitions.
    pub(crate) fn of(peers: &Peers, tenant: &TenantId, types: &[&str], partitions: i32) -> Result<Self, LevelsError> {
        let channel = peers.on_behalf(SOURCE, tenant).map_err(peer)?;
        let logs = EventLogServiceClient::new(channel);
        let types = types.iter().map(|&name| name.to_owned()).collect();
        Ok(Self { logs, types, partitions, cursor: Cursor::default(), end: None })
    }

    /// The next of them, in order within their partition; `None`: that was all.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Event>>, LevelsError> {
        while self.cursor.partition < self.partitions {
            let Some(page) = self.page().await? else { continue };
            let end = *self.end.get_or_insert(page.head);
            let still = page.next_seq > self.cursor.after_seq && page.next_seq < end;
            match still {
                true => (self.cursor.after_seq, self.cursor.epoch) = (page.next_seq, page.epoch),
                false => {
                    self.cursor = Cursor { partition: self.cursor.partition + 1, ..Cursor::default() };
                    self.end = None;
                }
            }
            if !page.events.is_empty() {
                return Ok(Some(page.events));
            }
        }
        Ok(None)
    }

    /// `None`: the log begins later, and the cursor stands there now.
    async fn page(&mut self) -> Result<Option<PartitionPage>, LevelsError> {
        let request = PullRequest {
            service: SOURCE.to_owned(),
            consumer: "backtest".to_owned(),
            cursors: vec![self.cursor],
            max_events: PAGE,
            types: self.types.clone(),
            ..PullRequest::default()
        };
        match self.logs.pull(repeatable(request)).await {
            Ok(pulled) => Ok(Some(pulled.into_inner().pages.into_iter().next().unwrap_or_default())),
            Err(refused) => match floor(&refused) {
                Some((floor, epoch)) if floor > self.cursor.after_seq => {
                    (self.cursor.after_seq, self.cursor.epoch) = (floor, epoch);
                    Ok(None)
                }
                _ => Err(peer(refused)),
            },
        }
    }
}

/// The tenant's event at a place of profiles' log; `None`: there is none, or the log has it no more.
pub(crate) async fn told(
    peers: &Peers,
    tenant: &TenantId,
    partition: i32,
    seq: i64,
) -> Result<Option<Event>, LevelsError> {
    let mut logs = EventLogServiceClient::new(peers.on_behalf(SOURCE, tenant).map_err(peer)?);
    let mut cursor = Cursor { partition, ..Cursor::default() };
    // a place behind the first is only read in the log's own epoch, which whoever reads from the first is told
    for _ in 0..2 {
        let request = PullRequest {
            service: SOURCE.to_owned(),
            consumer: "dry-run".to_owned(),
            cursors: vec![cursor],
            max_events: 1,
            ..PullRequest::default()
        };
        let (epoch, begin) = match logs.pull(repeatable(request)).await {
            Ok(pulled) => {
                let page = pulled.into_inner().pages.into_iter().next().unwrap_or_default();
                let found = page.events.into_iter().find(|event| event.seq == seq);
                if found.is_some() || seq > page.head {
                    return Ok(found);
                }
                (page.epoch, 0)
            }
            Err(refused) => match floor(&refused) {
                Some((floor, epoch)) => (epoch, floor),
                None => return Err(peer(refused)),
            },
        };
        if seq <= begin || cursor.after_seq == seq - 1 {
            return Ok(None);
        }
        cursor = Cursor { partition, after_seq: seq - 1, epoch };
    }
    Ok(None)
}

/// Where a log begins that no longer has what was asked for.
fn floor(refused: &Status) -> Option<(i64, i64)> {
    let truncated = status::reason_of(refused).is_some_and(|reason| reason == "LOG_TRUNCATED");
    let metadata = status::metadata_of(refused);
    let number = |name: &str| metadata.get(name)?.parse().ok();
    truncated.then(|| Some((number("floor")?, number("epoch")?)))?
}

fn peer(status: Status) -> LevelsError {
    LevelsError::Peer(Box::new(status))
}
