//! The private Redis (or Valkey). It keeps nothing on disk: nothing in it is the truth.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{executables::Executables, home::Home, process, watch};

const LOG: &str = "redis.log";
const LIMIT: Duration = Duration::from_secs(10);
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// Starts the server, or finds it running, and returns its address.
pub(crate) fn serve(home: &Home, found: &Executables, idle: Option<Duration>) -> anyhow::Result<String> {
    let dir = data_dir(home);
    if !dir.exists() {
        fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
        home.account().own(&dir)?;
    }
    let last = home.port("redis");
    if let Some(port) = last.filter(|port| is_ours(home, *port)) {
        return Ok(url(port));
    }
    let mut port = match last {
        Some(port) => port,
        None => process::free_port()?,
    };
    for _ in 0..5 {
        start(home, found, port)?;
        if process::wait_for(LIMIT, || settled(home, port)) == Some(true) {
            home.remember_port("redis", port)?;
            if let (Some(idle), Some(pid)) = (idle, pid(home)) {
                watch::spawn(home, pid, "TERM", idle)?;
            }
            return Ok(url(port));
        }
        port = process::free_port()?;
    }
    bail!("Redis does not start. {}", home.log_end(LOG))
}

/// Ends the server if it runs.
pub(crate) fn stop(home: &Home) -> anyhow::Result<()> {
    let Some(port) = home.port("redis").filter(|port| is_ours(home, *port)) else { return Ok(()) };
    let _ = ask(port, "SHUTDOWN NOSAVE\r\n"); // no answer but the end of the connection
    match process::wait_for(LIMIT, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err().then_some(())) {
        Some(()) => Ok(()),
        None => bail!("Redis on port {port} does not end. {}", home.log_end(LOG)),
    }
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn data_dir(home: &Home) -> PathBuf {
    home.path().join("redis")
}

fn pid_file(home: &Home) -> PathBuf {
    data_dir(home).join("redis.pid")
}

fn pid(home: &Home) -> Option<u32> {
    fs::read_to_string(pid_file(home)).ok()?.trim().parse().ok()
}

fn start(home: &Home, found: &Executables, port: u16) -> anyhow::Result<()> {
    let _ = fs::remove_file(home.path().join(LOG));
    let _ = fs::remove_file(pid_file(home));
    let mut redis = home.account().command(found.redis()?, &data_dir(home));
    redis.args([
        "--bind",
        "127.0.0.1",
        "--port",
        &port.to_string(),
        "--daemonize",
        "yes",
        "--save",
        "",
        "--appendonly",
        "no",
    ]);
    redis.arg("--dir").arg(data_dir(home)).arg("--pidfile").arg(pid_file(home));
    redis.arg("--logfile").arg(home.path().join(LOG)).stdout(Stdio::null()).stderr(Stdio::null());
    redis.status().context("running redis-server")?;
    Ok(())
}

/// Whether a just started server answers (`true`) or has given up (`false`); `None` while neither is known.
fn settled(home: &Home, port: u16) -> Option<bool> {
    if is_ours(home, port) {
        return Some(true);
    }
    let log = fs::read_to_string(home.path().join(LOG)).unwrap_or_default();
    (log.contains("Could not create server TCP listening socket") || log.contains("Failed listening")).then_some(false)
}

/// Whether the server on a port is the one of this home: it knows its working folder, which FLUSHALL does not touch.
fn is_ours(home: &Home, port: u16) -> bool {
    let dir = data_dir(home);
    ask(port, "CONFIG GET dir\r\n").is_some_and(|answer| answer.lines().any(|line| line == dir.to_string_lossy()))
}

/// Sends an inline command and returns what comes within a moment.
fn ask(port: u16, command: &str) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ASK_LIMIT).ok()?;
    stream.set_read_timeout(Some(ASK_LIMIT)).ok()?;
    stream.write_all(command.as_bytes()).ok()?;
    stream.write_all(b"QUIT\r\n").ok()?; // so that the answer ends
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}
