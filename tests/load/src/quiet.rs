//! Waits until every consumer has applied all that is in its source's log.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use proto::events::v1::{GetProgressRequest, GetProgressResponse};
use suite::demo::{SERVICES, lag};

use crate::client::fresh;
use crate::rig::Rig;

/// Pause between two looks: what a measured time until quiet may be too long by.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the cursors may stand still.
const STUCK_MAX: Duration = Duration::from_secs(60);

/// Waits for quiet, and fails where a consumer stopped, set an event aside or does not move any more. What one service
/// applies may tell another one something after that was looked at, so two looks in a row must see the same.
pub(crate) async fn wait(rig: &Rig) -> anyhow::Result<()> {
    let (mut before, mut moved) = (None, Instant::now());
    loop {
        let progress = look(rig).await?;
        let behind = lag(&progress)?;
        let heads: i64 = progress.values().flat_map(|service| &service.heads).map(|head| head.after_seq).sum();
        if before == Some((0, heads)) && behind == 0 {
            break;
        }
        if before.replace((behind, heads)) != Some((behind, heads)) {
            moved = Instant::now();
        }
        if moved.elapsed() > STUCK_MAX {
            bail!("{}: {behind} events wait and nothing applies them", rig.name());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let set_aside: i64 =
        look(rig).await?.values().flat_map(|service| &service.consumers).map(|consumer| consumer.dead_letters).sum();
    if set_aside > 0 {
        bail!("{}: {set_aside} events were set aside", rig.name());
    }
    Ok(())
}

async fn look(rig: &Rig) -> anyhow::Result<HashMap<&'static str, GetProgressResponse>> {
    let mut all = HashMap::new();
    for service in SERVICES {
        let request = GetProgressRequest { service: service.to_owned() };
        all.insert(service, rig.operator().logs().get_progress(fresh(request)).await?.into_inner());
    }
    Ok(all)
}
