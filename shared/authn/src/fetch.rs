use std::{net::IpAddr, path::PathBuf, time::Duration};

use tokio::io::AsyncReadExt;

use crate::{KeysError, keys::Keys};

/// Bytes of a key set.
const JWKS_BYTES_MAX: usize = 256 * 1024;
/// How long an issuer may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where keys come from.
pub(crate) enum Source {
    File(PathBuf),
    Url { url: reqwest::Url, client: reqwest::Client },
}

impl Source {
    /// Reads the setting `authn.jwks`.
    pub(crate) fn new(jwks: &str) -> Result<Self, KeysError> {
        if jwks.is_empty() {
            return Err(KeysError::Setting("jwks", "must name a key file or an address"));
        }
        if !jwks.starts_with("http://") && !jwks.starts_with("https://") {
            return Ok(Self::File(jwks.into()));
        }
        let url = reqwest::Url::parse(jwks).map_err(|_| KeysError::Setting("jwks", "is not a valid address"))?;
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(KeysError::Setting("jwks", "must be an https address, except on the same machine"));
        }
        // A redirect would let the issuer's host choose where we fetch from.
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| KeysError::Fetch(url.to_string(), source))?;
        Ok(Self::Url { url, client })
    }

    pub(crate) async fn read(&self) -> Result<Keys, KeysError> {
        match self {
            Self::File(path) => {
                let name = || path.display().to_string();
                let file = tokio::fs::File::open(path).await.map_err(|source| KeysError::File(name(), source))?;
                let mut content = Vec::new();
                let mut limited = file.take(JWKS_BYTES_MAX as u64 + 1);
                limited.read_to_end(&mut content).await.map_err(|source| KeysError::File(name(), source))?;
                bounded(content.len())?;
                Keys::parse(&content)
            }
            Self::Url { url, client } => {
                let failed = |source| KeysError::Fetch(url.to_string(), source);
                let answer = client.get(url.clone()).send().await.map_err(failed)?;
                let mut answer = answer.error_for_status().map_err(failed)?;
                let mut content = Vec::new();
                while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                    bounded(content.len() + chunk.len())?;
                    content.extend_from_slice(&chunk);
                }
                Keys::parse(&content)
            }
        }
    }
}

fn bounded(length: usize) -> Result<(), KeysError> {
    if length > JWKS_BYTES_MAX { Err(KeysError::TooLarge(JWKS_BYTES_MAX)) } else { Ok(()) }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_a_file_or_over_https() {
        for good in
            ["/etc/keys.json", "keys.json", "https://id.example.com/jwks", "http://127.0.0.1:1/", "http://[::1]:1/"]
        {
            assert!(Source::new(good).is_ok(), "{good}");
        }
        for bad in ["", "http://id.example.com/jwks", "http://127.0.0.1.example.com/", "https://"] {
            assert!(matches!(Source::new(bad), Err(KeysError::Setting("jwks", _))), "{bad}");
        }
    }
}
