//! What it was measured on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use time::OffsetDateTime;

use crate::rig::Rig;

/// Writes of the probe.
const WRITES: usize = 100;

/// One line: date, build, cores, memory, processor, Postgres, and what a flush takes.
pub(crate) async fn line(rig: &Rig) -> anyhow::Result<String> {
    let mut database = rig.database().await?;
    let postgres: String = sqlx::query_scalar("show server_version").fetch_one(&mut database).await?;
    let disk = rig.disk()?;
    let (p50, p95) = tokio::task::spawn_blocking(move || flush(&disk)).await??;
    let cores = std::thread::available_parallelism()?;
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches("kB").trim().parse::<f64>().ok())
        .map_or_else(|| "?".to_owned(), |kib| format!("{:.0}", kib / 1_048_576.0));
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let build = if cfg!(debug_assertions) { "debug build (no results)" } else { "release build" };
    Ok(format!(
        "{}, {build}; {cores} cores, {memory} GiB, {processor}; Postgres {postgres}; write and fdatasync of 8 KiB p50 \
         {:.3} ms, p95 {:.3} ms",
        OffsetDateTime::now_utc().date(),
        p50.as_secs_f64() * 1e3,
        p95.as_secs_f64() * 1e3
    ))
}

/// The value of a line `name : value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim().to_owned()))
}

/// How long a write of one page and its flush take, at the median and at the 95th of a hundred.
fn flush(disk: &Path) -> anyhow::Result<(Duration, Duration)> {
    let path = disk.join("banyan-bench-flush");
    let mut file = fs::File::create(&path)?;
    let mut times = Histogram::<u64>::new(3)?;
    for _ in 0..WRITES {
        let begun = Instant::now();
        file.write_all(&[7; 8_192])?;
        file.sync_data()?;
        times.saturating_record(u64::try_from(begun.elapsed().as_micros())?);
    }
    fs::remove_file(path)?;
    let at = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
    Ok((at(0.5), at(0.95)))
}
