//! Installs Debian packages where we are root, and else says what to run.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

use crate::account;

/// Installs Debian packages, or fails with the command that a person has to run. Where a package brings a server, none is
/// set up or started for the whole system.
pub fn packages(names: &[&str]) -> anyhow::Result<()> {
    let (listed, arguments) = (names.join(", "), names.join(" "));
    if !Path::new("/usr/bin/apt-get").is_file() {
        bail!("not installed: {listed} (Debian's names): install them with this system's package manager");
    }
    if account::caller()? != 0 {
        bail!("not installed: {listed}. Run `sudo apt-get install -y --no-install-recommends {arguments}`");
    }
    // Written to the terminal because the next minute is silent otherwise.
    eprintln!("installing {listed} with apt-get");
    let _quiet = NoSystemServers::arrange()?;
    if install(names).is_err() {
        apt(&["update", "-q"])?; // a fresh machine has no package lists, an old one has stale ones
        install(names)?;
    }
    Ok(())
}

fn install(names: &[&str]) -> anyhow::Result<()> {
    // confold: our createcluster.conf stays where the package brings its own; the lock: two programs may find the same
    // package missing at once
    let options = ["-o", "Dpkg::Options::=--force-confold", "-o", "DPkg::Lock::Timeout=60"];
    apt(&[&["install", "-y", "-q", "--no-install-recommends"][..], &options, names].concat())
}

fn apt(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .context("running apt-get")?;
    if !output.status.success() {
        bail!("`apt-get {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Keeps the packages from making and starting system-wide servers while it lives: ours are private.
struct NoSystemServers {
    policy: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoSystemServers {
    fn arrange() -> anyhow::Result<Self> {
        fs::create_dir_all("/etc/postgresql-common").context("/etc/postgresql-common")?;
        create("/etc/postgresql-common/createcluster.conf", 0o644, "create_main_cluster = false\n")?;
        // 101 is "action forbidden by policy"
        Ok(Self { policy: create(POLICY, 0o755, "#!/bin/sh\nexit 101\n")? })
    }
}

impl Drop for NoSystemServers {
    fn drop(&mut self) {
        if self.policy {
            let _ = fs::remove_file(POLICY);
        }
    }
}

/// Writes a file unless there is one; tells whether it did.
fn create(path: &str, mode: u32, content: &str) -> anyhow::Result<bool> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(mut file) => file.write_all(content.as_bytes()).map(|()| true).with_context(|| path.to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error).with_context(|| path.to_owned()),
    }
}
