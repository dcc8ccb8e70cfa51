//! The folder in which the suite keeps its private servers, development keys, tokens and log.

use std::io;
use std::path::{Path, PathBuf};

use authn::dev::{Grant, Issuer, IssuerError};
use ids::TenantId;

/// The port of the suite where none is named.
pub const DEFAULT_PORT: u16 = 50051;

/// The data folder and what lies in it.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of that path; without one `$XDG_STATE_HOME/banyan`, `$HOME/.local/state/banyan`, or `.banyan` here.
    #[must_use]
    pub fn new(path: Option<PathBuf>) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = || variable("XDG_STATE_HOME").map(|state| state.join("banyan"));
        let home = || variable("HOME").map(|home| home.join(".local/state/banyan"));
        Self { path: path.or_else(state).or_else(home).unwrap_or_else(|| PathBuf::from(".banyan")) }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The issuer of development tokens, with its key.
    pub fn issuer(&self) -> Result<Issuer, IssuerError> {
        Issuer::open(&self.path.join("keys"))
    }

    /// A token that acts in a tenant with every scope.
    pub fn tenant_token(&self, tenant: &TenantId) -> Result<String, IssuerError> {
        Ok(self.issuer()?.mint(&Grant::tenant(tenant).every_scope()))
    }

    /// A token of a second person in a tenant, with every scope: who approves what the first one wrote.
    pub fn approver_token(&self, tenant: &TenantId) -> Result<String, IssuerError> {
        Ok(self.issuer()?.mint(&Grant::tenant(tenant).subject("approver").every_scope()))
    }

    /// A token that acts across tenants with every scope.
    pub fn operator_token(&self) -> Result<String, IssuerError> {
        Ok(self.issuer()?.mint(&Grant::service("operator").every_scope()))
    }

    /// Where the token of a tenant is written for people to use.
    #[must_use]
    pub fn token_file(&self, name: &str) -> PathBuf {
        self.path.join("tokens").join(name)
    }

    /// Writes a token for people to use, readable by its owner only.
    pub fn write_token(&self, name: &str, token: &str) -> io::Result<PathBuf> {
        let file = self.token_file(name);
        std::fs::create_dir_all(self.path.join("tokens"))?;
        write_private(&file, token)?;
        Ok(file)
    }

    /// A random text that stays the same for this folder.
    pub fn secret(&self, name: &str) -> io::Result<String> {
        use rand::RngExt as _;
        let file = self.path.join("keys").join(format!("{name}.secret"));
        match std::fs::read_to_string(&file) {
            Ok(secret) if secret.len() >= 32 => Ok(secret),
            _ => {
                let secret = format!("{:032x}", rand::rng().random::<u128>());
                write_private(&file, &secret)?;
                Ok(secret)
            }
        }
    }

    /// The log of a suite that the demo started.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.path.join("suite.log")
    }

    /// The process number of the suite that runs on this folder.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.path.join("suite.pid")
    }
}

/// Writes a file that its owner alone can read.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(text.as_bytes())
}
