//! The folder of a pair of private servers.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, bail};

use crate::account::{self, Account};

/// Where the servers' data, ports and logs lie, and who runs the servers.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    account: Account,
}

impl Home {
    /// The home of `data_dir`, made if need be.
    pub(crate) fn create(data_dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(data_dir).with_context(|| data_dir.display().to_string())?;
        if let Some(home) = Self::existing(data_dir)? {
            return Ok(home);
        }
        let caller = account::caller()?;
        let inside = fs::canonicalize(data_dir)?.join("servers");
        let (path, account) = match caller {
            0 => {
                let account = Account::for_root()?;
                let path = if account.can_enter(data_dir) { inside } else { outside(data_dir, caller)? };
                (path, account)
            }
            _ => (inside, Account::Caller),
        };
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => account.own(&path)?,
        }
        Ok(Self { path, account })
    }

    /// The home of `data_dir`, if it was made before.
    pub(crate) fn existing(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(data_dir) = fs::canonicalize(data_dir) else { return Ok(None) };
        let caller = account::caller()?;
        let outside = outside(&data_dir, caller)?;
        for path in [data_dir.join("servers"), outside.clone()] {
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if !meta.is_dir() {
                bail!("{} is not a folder", path.display());
            }
            if caller == 0 && meta.uid() == 0 {
                continue; // made, but not yet given away: `create` finishes it
            }
            let account = Account::owner_of(&path, caller)?;
            if caller != 0 && account != Account::Caller {
                bail!(
                    "{} belongs to another user: remove it as that user, or choose another data folder",
                    path.display()
                );
            }
            if caller == 0 && path == outside && account != Account::for_root()? {
                bail!("{} was put there by another user", path.display()); // /var/tmp is open to everybody
            }
            return Ok(Some(Self { path, account }));
        }
        Ok(None)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn account(&self) -> Account {
        self.account
    }

    /// Waits for, then holds, the right to start and stop the servers of this home.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        let path = self.lock_file();
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        file.lock().with_context(|| format!("locking {}", path.display()))?;
        Ok(file)
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The file whose age says how long nobody has asked for these servers.
    pub(crate) fn used_file(&self) -> PathBuf {
        self.path.join("used")
    }

    pub(crate) fn mark_used(&self) -> anyhow::Result<()> {
        let path = self.used_file();
        let touch = || File::create(&path)?.set_modified(SystemTime::now());
        touch().with_context(|| path.display().to_string())
    }

    /// The port that a server had last.
    pub(crate) fn port(&self, server: &str) -> Option<u16> {
        fs::read_to_string(self.path.join(format!("{server}.port"))).ok()?.trim().parse().ok()
    }

    pub(crate) fn remember_port(&self, server: &str, port: u16) -> anyhow::Result<()> {
        let path = self.path.join(format!("{server}.port"));
        fs::write(&path, port.to_string()).with_context(|| path.display().to_string())
    }

    /// The last lines of a server's log, for an error message.
    pub(crate) fn log_end(&self, log: &str) -> String {
        let path = self.path.join(log);
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        format!("{} ends with:\n{}", path.display(), lines[lines.len().saturating_sub(15)..].join("\n"))
    }
}

/// The home for a data folder that the servers' user cannot enter.
fn outside(data_dir: &Path, caller: u32) -> anyhow::Result<PathBuf> {
    let data_dir = fs::canonicalize(data_dir)?;
    Ok(format!("/var/tmp/banyan-{caller}-{:016x}", fnv1a(data_dir.as_os_str().as_encoded_bytes())).into())
}

/// FNV-1a: equal in every build, unlike the standard library's hash, so that a later start finds the same folder.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_hash_never_changes() {
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
