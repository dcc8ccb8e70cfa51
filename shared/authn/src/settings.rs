use std::time::Duration;

use serde::Deserialize;

/// How tokens are checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthnSettings {
    /// The keys: the path of a JWKS file, or an `https://` address (`http://` on the same machine only). Certificates are
    /// checked against the system's roots; for an authority of your own start the process with `SSL_CERT_FILE`.
    pub jwks: String,
    /// The only `iss` that is accepted.
    pub issuer: String,
    /// What `aud` must contain.
    pub audience: String,
    /// How far clocks may differ, in seconds; at most 60.
    pub leeway_seconds: u64,
    /// Keys are read anew when they are this old, in seconds, so that a withdrawn key stops working.
    pub refresh_seconds: u64,
    /// A token with an unknown key id reads the keys anew, but not within this many seconds of the last time.
    pub refresh_min_seconds: u64,
    /// Whether tokens of the development issuer are accepted. Never in production.
    pub development: bool,
}

/// The widest leeway that may be set.
pub(crate) const LEEWAY_SECONDS_MAX: u64 = 60;

impl Default for AuthnSettings {
    fn default() -> Self {
        Self {
            jwks: String::new(),
            issuer: String::new(),
            audience: "banyan".to_owned(),
            leeway_seconds: 30,
            refresh_seconds: 600,
            refresh_min_seconds: 30,
            development: false,
        }
    }
}

impl AuthnSettings {
    pub(crate) fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_seconds)
    }

    pub(crate) fn refresh_min(&self) -> Duration {
        Duration::from_secs(self.refresh_min_seconds)
    }
}
