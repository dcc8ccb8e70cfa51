//! Waits for the machine to be idle, so that a run measures itself.

use std::time::{Duration, Instant};

/// Idle share of the last look from which the machine counts as calm.
const IDLE_MIN: f64 = 0.93;
const LOOK: Duration = Duration::from_millis(600);
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until the machine is calm, for a while. Says whether it became so; true where it cannot be told.
pub(crate) async fn wait() -> bool {
    let begun = Instant::now();
    loop {
        let Some(before) = ticks() else { return true };
        tokio::time::sleep(LOOK).await;
        let Some(after) = ticks() else { return true };
        let (idle, all) = (after.0 - before.0, after.1 - before.1);
        if idle as f64 >= IDLE_MIN * all as f64 {
            return true;
        }
        if begun.elapsed() > PATIENCE {
            return false;
        }
    }
}

/// Idle and all processor time since the start, in ticks of all cores.
fn ticks() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_ascii_whitespace().skip(1);
    let times: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    Some((times.get(3)? + times.get(4)?, times.iter().take(8).sum()))
}
