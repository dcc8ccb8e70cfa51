//! The private Postgres.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};

use crate::{
    executables::{Executables, PostgresInstall},
    home::Home,
    process, watch,
};

const LOG: &str = "postgres.log";
const START_LIMIT: Duration = Duration::from_secs(60);

/// Settings of every private server. Sized for a developer's machine of 2 to 16 cores; the product's own defaults must
/// do with them.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
max_locks_per_transaction = 256
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
";

/// Starts the server, or finds it running, and returns the superuser's address.
pub(crate) fn serve(home: &Home, found: &Executables, durable: bool, idle: Option<Duration>) -> anyhow::Result<String> {
    if let Some(running) = settled(home)? {
        return Ok(url(running.port));
    }
    let data = data_dir(home);
    let install = found.postgres(written_by(&data))?;
    if !data.join("PG_VERSION").exists() {
        initialise(home, install, durable)?;
    }
    configure(&data, install, durable)?;
    let running = start(home, install)?;
    home.remember_port("postgres", running.port)?;
    if let Some(idle) = idle {
        watch::spawn(home, running.pid, "INT", idle)?; // INT: fast shutdown
    }
    Ok(url(running.port))
}

/// Ends the server if it runs; callers' connections are cut.
pub(crate) fn stop(home: &Home) -> anyhow::Result<()> {
    let Some(running) = settled(home)? else { return Ok(()) };
    let mut kill = home.account().command(Path::new("/bin/sh"), home.path());
    kill.args(["-c", "kill -s INT \"$1\"", "sh", &running.pid.to_string()]);
    let _ = kill.status();
    let data = data_dir(home);
    match process::wait_for(START_LIMIT, || (!process::runs_in(running.pid, &data)).then_some(())) {
        Some(()) => Ok(()),
        None => bail!("Postgres (process {}) does not end. {}", running.pid, home.log_end(LOG)),
    }
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn data_dir(home: &Home) -> PathBuf {
    home.path().join("postgres")
}

/// The major version that wrote a data folder.
fn written_by(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// What Postgres itself says in its lock file.
#[derive(Debug, PartialEq, Eq)]
struct LockFile {
    pid: u32,
    port: u16,
    ready: bool,
}

/// Lines: process, data folder, start time, port, socket folder, address, shared memory, status.
fn parse(text: &str) -> Option<LockFile> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let port = lines.nth(2)?.trim().parse().ok()?;
    Some(LockFile { pid, port, ready: lines.nth(3).is_some_and(|status| status.trim() == "ready") })
}

/// The running server, waited for while it is still starting or already stopping; `None` if there is none.
fn settled(home: &Home) -> anyhow::Result<Option<LockFile>> {
    let data = data_dir(home);
    let lock_path = data.join("postmaster.pid");
    let state = process::wait_for(START_LIMIT, || {
        let text = fs::read_to_string(&lock_path).unwrap_or_default();
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        if !pid.is_some_and(|pid| process::runs_in(pid, &data)) {
            return Some(None);
        }
        parse(&text).filter(|file| file.ready).map(Some)
    });
    match state {
        Some(Some(running)) => Ok(Some(running)),
        Some(None) => {
            remove_foreign_lock(&lock_path)?;
            Ok(None)
        }
        None => bail!("Postgres neither gets ready nor ends. {}", home.log_end(LOG)),
    }
}

/// After a crash the lock file may name a number that some other process has now; Postgres would refuse to start. A
/// number that nobody has is left to Postgres, which then also looks for survivors of the old server.
fn remove_foreign_lock(lock_path: &Path) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(lock_path) else { return Ok(()) };
    let alive = text.lines().next().is_some_and(|pid| Path::new("/proc").join(pid.trim()).exists());
    if alive {
        fs::remove_file(lock_path).with_context(|| lock_path.display().to_string())?;
    }
    Ok(())
}

/// Makes the cluster beside its place and moves it there when it is whole: a kill in the middle leaves no half cluster.
fn initialise(home: &Home, install: &PostgresInstall, durable: bool) -> anyhow::Result<()> {
    let fresh = home.path().join("postgres.new");
    let _ = fs::remove_dir_all(&fresh);
    let mut initdb = home.account().command(&install.bin.join("initdb"), home.path());
    initdb
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions", "-D"])
        .arg(&fresh);
    if !durable {
        initdb.arg("--no-sync");
    }
    let output = initdb.output().context("running initdb")?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut conf = fs::OpenOptions::new().append(true).open(fresh.join("postgresql.conf"))?;
    writeln!(conf, "include_if_exists = 'banyan.conf'")?;
    fs::rename(&fresh, data_dir(home)).context("moving the new cluster to its place")
}

/// Written anew at every start, so that a later version's settings reach old folders.
fn configure(data: &Path, install: &PostgresInstall, durable: bool) -> anyhow::Result<()> {
    let switch = if durable { "on" } else { "off" };
    let mut text = format!("{SETTINGS}fsync = {switch}\nfull_page_writes = {switch}\n");
    if durable {
        // new tables fill within seconds of a demo, and plans are bad until Postgres knows how large they are; not where
        // each test has a database, since every one of them is looked at as often
        text.push_str("autovacuum_naptime = 2s\n");
    }
    if durable && counts_statements(install) {
        text.push_str("shared_preload_libraries = 'pg_stat_statements'\n");
    }
    fs::write(data.join("banyan.conf"), text).context("writing banyan.conf")
}

/// Whether the installation has the library that counts statements. Packages of some systems leave it out, and with a
/// library that it does not find Postgres does not start.
fn counts_statements(install: &PostgresInstall) -> bool {
    let bin = install.bin.canonicalize().unwrap_or_else(|_| install.bin.clone());
    ["../lib", "../lib/postgresql"].iter().any(|lib| bin.join(lib).join("pg_stat_statements.so").is_file())
}

fn start(home: &Home, install: &PostgresInstall) -> anyhow::Result<LockFile> {
    let mut port = match home.port("postgres") {
        Some(port) => port,
        None => process::free_port()?,
    };
    for _ in 0..20 {
        let _ = fs::remove_file(home.path().join(LOG)); // so that the end of the log is about this start
        let mut pg_ctl = home.account().command(&install.bin.join("pg_ctl"), home.path());
        pg_ctl.args(["start", "--wait", "--timeout=60", "--silent", "-D"]).arg(data_dir(home));
        pg_ctl.arg("-l").arg(home.path().join(LOG)).arg("-o").arg(format!("-p {port}"));
        if run(&mut pg_ctl)? {
            return settled(home)?.with_context(|| format!("Postgres ended at once. {}", home.log_end(LOG)));
        }
        let log = home.log_end(LOG);
        if log.contains("could not bind") || log.contains("could not create any TCP/IP sockets") {
            port = process::free_port()?; // somebody else has the port now
        } else if !log.contains("pre-existing shared memory block") {
            bail!("Postgres does not start. {log}");
        }
        // else processes of a killed server are on their way out: try again
    }
    bail!("Postgres does not start. {}", home.log_end(LOG))
}

/// Runs a command silently: a server must not inherit a pipe that somebody reads to its end.
fn run(command: &mut Command) -> anyhow::Result<bool> {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("running pg_ctl")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_tells_process_port_and_readiness() {
        let starting = "812\n/d\n1790000000\n5433\n\n127.0.0.1\n  1 2\nstarting\n";
        assert_eq!(parse(starting), Some(LockFile { pid: 812, port: 5433, ready: false }));
        let ready = starting.replace("starting", "ready   ");
        assert_eq!(parse(&ready), Some(LockFile { pid: 812, port: 5433, ready: true }));
        assert_eq!(parse("812\n/d\n"), None);
        assert_eq!(parse(""), None);
    }
}
