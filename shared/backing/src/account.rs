//! The system user that the servers run as.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// Whom the servers run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// The user who runs this program.
    Caller,
    /// Another one, which only root can become.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Root's choice for a new folder: `postgres`, else `nobody`.
    pub(crate) fn for_root() -> anyhow::Result<Self> {
        let passwd = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        match entry(&passwd, "postgres").or_else(|| entry(&passwd, "nobody")) {
            Some((uid, gid)) => Ok(Self::Other { uid, gid }),
            None => bail!("Postgres refuses to run as root, and there is neither a user `postgres` nor `nobody`"),
        }
    }

    /// The user who owns `path`, as seen by `caller`.
    pub(crate) fn owner_of(path: &Path, caller: u32) -> anyhow::Result<Self> {
        let meta = fs::symlink_metadata(path).with_context(|| path.display().to_string())?;
        if meta.uid() == caller {
            return Ok(Self::Caller);
        }
        Ok(Self::Other { uid: meta.uid(), gid: meta.gid() })
    }

    /// A command that runs as this user, from `dir`, with nothing of the caller's environment that could steer a server.
    pub(crate) fn command(self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(dir).stdin(Stdio::null()).env("LC_ALL", "C").env("HOME", dir);
        for kept in ["PATH", "LD_LIBRARY_PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether this user can enter `dir`: a checkout under /root is closed to `postgres`.
    pub(crate) fn can_enter(self, dir: &Path) -> bool {
        let mut probe = self.command(Path::new("/bin/sh"), Path::new("/"));
        probe.args(["-c", "cd -- \"$1\"", "sh"]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }

    /// Gives `path` to this user.
    pub(crate) fn own(self, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Caller => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(path, Some(uid), Some(gid))
                .with_context(|| format!("giving {} to user {uid}", path.display())),
        }
    }
}

/// The user id of this process.
pub(crate) fn caller() -> anyhow::Result<u32> {
    let output = Command::new("id").arg("-u").output().context("running `id -u`")?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("`id -u` printed no number")
}

/// User and group number of `name` in the text of /etc/passwd.
fn entry(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:7::/:/bin/sh\npostgres:x:101:104:PG,,,:/var/lib:/bin/bash\n";
        assert_eq!(entry(passwd, "postgres"), Some((101, 104)));
        assert_eq!(entry(passwd, "postgre"), None);
    }
}
