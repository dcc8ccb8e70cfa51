//! Ends servers that nobody has used for a while: a developer's test run leaves nothing behind for good.

use std::{os::unix::process::CommandExt, path::Path, process::Stdio, time::Duration};

use anyhow::Context;

use crate::home::Home;

/// Arguments: process, signal, file that is touched by users, lock file, minutes. It looks again under the lock, so that
/// it never ends a server that somebody has just found running, and holds the lock until the server is gone.
const SCRIPT: &str = r#"
used() { [ -n "$(find "$3" -mmin "-$5" 2>/dev/null)" ]; }
while kill -0 "$1" 2>/dev/null; do
  sleep 10
  used "$@" && continue
  if exec 9<"$4"; then flock 9; fi
  if ! used "$@"; then
    kill -s "$2" "$1"
    while kill -0 "$1" 2>/dev/null; do sleep 0.2; done
  fi
  exec 9<&-
done
"#;

/// Lets a small shell loop end process `pid` by `signal` when the home has not been used for `idle`.
pub(crate) fn spawn(home: &Home, pid: u32, signal: &str, idle: Duration) -> anyhow::Result<()> {
    if !Path::new("/usr/bin/flock").exists() {
        return Ok(());
    }
    let minutes = idle.as_secs().div_ceil(60).max(1).to_string();
    let mut shell = home.account().command(Path::new("/bin/sh"), home.path());
    shell
        .args(["-c", SCRIPT, "idle-stop", &pid.to_string(), signal])
        .args([home.used_file(), home.lock_file()])
        .arg(minutes);
    shell.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().context("starting the idle watch")?;
    Ok(())
}
