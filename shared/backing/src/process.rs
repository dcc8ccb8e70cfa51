//! Processes, ports and waiting.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

/// Whether a process runs from `dir`, as both servers do from their data folder: process numbers are used again, and a
/// number from a file may name a stranger. Where there is no /proc, any living process counts.
pub(crate) fn runs_in(pid: u32, dir: &Path) -> bool {
    let proc = Path::new("/proc").join(pid.to_string());
    if Path::new("/proc/self").exists() {
        return fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd == dir);
    }
    let probe =
        Command::new("/bin/sh").args(["-c", "kill -0 \"$1\"", "sh", &pid.to_string()]).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// A port that nobody uses at the moment.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// Asks again and again until there is an answer or the time is over.
pub(crate) fn wait_for<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(25));
    }
}
