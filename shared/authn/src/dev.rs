//! An issuer for development and tests: it keeps its key in a folder and mints tokens that servers accept only where the
//! setting `authn.development` is on.

use std::{
    collections::BTreeSet,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ids::{TenantId, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde_json::json;

use crate::{AuthnSettings, KeysError, access::Table};

/// The `iss` of the tokens.
pub const ISSUER: &str = "banyan-development";
/// The private key in the issuer's folder, PKCS#8, readable by its owner only.
pub const KEY_FILE: &str = "dev-key.pk8";
/// The public key in the issuer's folder.
pub const JWKS_FILE: &str = "dev-jwks.json";

const AUDIENCE: &str = "banyan";
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Why the issuer cannot work.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Its folder cannot be used.
    #[error("the issuer's folder {0} cannot be used")]
    Folder(PathBuf, #[source] io::Error),
    /// The key file does not hold an Ed25519 key.
    #[error("{0} does not hold an Ed25519 key; delete it to get a new one")]
    Key(PathBuf),
}

/// Mints tokens.
pub struct Issuer {
    key: EncodingKey,
    kid: String,
    jwks_file: PathBuf,
}

impl Issuer {
    /// The issuer of a folder, made on first use. Processes that open one folder at the same time get the same key.
    pub fn open(folder: &Path) -> Result<Self, IssuerError> {
        let failed = |source| IssuerError::Folder(folder.to_owned(), source);
        fs::create_dir_all(folder).map_err(failed)?;
        let key_file = folder.join(KEY_FILE);
        if !key_file.exists() {
            create_key(folder, &key_file).map_err(failed)?;
        }
        let pkcs8 = fs::read(&key_file).map_err(failed)?;
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| IssuerError::Key(key_file))?;
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key());
        let kid = format!("dev-{}", &x[..8]);

        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x});
        let jwks_file = folder.join(JWKS_FILE);
        let jwks = format!("{:#}\n", json!({ "keys": [jwk] }));
        let draft = write_draft(folder, jwks.as_bytes()).map_err(failed)?;
        fs::rename(draft, &jwks_file).map_err(failed)?;
        Ok(Self { key: EncodingKey::from_ed_der(&pkcs8), kid, jwks_file })
    }

    /// The public key, as a server reads it.
    pub fn jwks_file(&self) -> &Path {
        &self.jwks_file
    }

    /// Settings of a server that accepts this issuer's tokens.
    pub fn settings(&self) -> AuthnSettings {
        AuthnSettings {
            jwks: self.jwks_file.display().to_string(),
            issuer: ISSUER.to_owned(),
            development: true,
            ..AuthnSettings::default()
        }
    }

    /// A token, valid from now on.
    pub fn mint(&self, grant: &Grant) -> String {
        self.mint_at(grant, SystemTime::now())
    }

    /// A token, valid from a time on.
    pub fn mint_at(&self, grant: &Grant, from: SystemTime) -> String {
        let now = from.duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        let claims = TokenClaims { nbf: now, exp: now + grant.lifetime.as_secs(), grant };
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims.to_json(), &self.key).expect("the key was checked when it was read")
    }
}

/// What a token is to say.
#[derive(Debug, Clone)]
pub struct Grant {
    tenant: Option<TenantId>,
    subject: String,
    user: Option<UserId>,
    scopes: BTreeSet<String>,
    lifetime: Duration,
}

impl Grant {
    /// A token that acts in a tenant.
    pub fn tenant(tenant: &TenantId) -> Self {
        Self { tenant: Some(tenant.clone()), ..Self::service("developer") }
    }

    /// A token of a service or operator, which acts across tenants.
    pub fn service(subject: &str) -> Self {
        let scopes = BTreeSet::new();
        Self { tenant: None, subject: subject.to_owned(), user: None, scopes, lifetime: LIFETIME }
    }

    /// Whom the token names as its subject.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = subject.to_owned();
        self
    }

    /// Makes it the token of one user.
    #[must_use]
    pub fn user(mut self, user: &UserId) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Adds scopes, separated by spaces.
    #[must_use]
    pub fn scope(mut self, scopes: &str) -> Self {
        self.scopes.extend(scopes.split_ascii_whitespace().map(str::to_owned));
        self
    }

    /// Adds every scope that the contracts name.
    #[must_use]
    pub fn every_scope(mut self) -> Self {
        let table = Table::from_pool(&proto::POOL).expect("every method of the contracts states its access");
        self.scopes.extend(table.scopes().into_iter().map(str::to_owned));
        self
    }

    /// How long the token is valid; 12 hours unless told.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

struct TokenClaims<'a> {
    nbf: u64,
    exp: u64,
    grant: &'a Grant,
}

impl TokenClaims<'_> {
    fn to_json(&self) -> serde_json::Value {
        let Grant { tenant, subject, user, scopes, .. } = self.grant;
        let scope = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let mut claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "nbf": self.nbf, "exp": self.exp, "scope": scope, "dev": true,
        });
        match tenant {
            Some(tenant) => claims["tenant"] = tenant.as_str().into(),
            None => claims["service"] = true.into(),
        }
        if let Some(user) = user {
            claims["user"] = user.as_str().into();
        }
        claims
    }
}

fn create_key(folder: &Path, key_file: &Path) -> io::Result<()> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(io::Error::other)?;
    let draft = write_draft(folder, pkcs8.as_ref())?;
    // A link fails where the file exists, a rename would replace the key of a process that was faster.
    let linked = fs::hard_link(&draft, key_file);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn write_draft(folder: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let draft = folder.join(format!(".{}", uuid::Uuid::new_v4()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(content)?;
    Ok(draft)
}

/// Signs and verifies once. A build in which the library has no or two cryptography back ends would otherwise panic at the
/// first call.
pub(crate) fn self_test() -> Result<(), KeysError> {
    #[derive(Serialize, serde::Deserialize)]
    struct Empty {}
    let pair = Ed25519KeyPair::generate().expect("the system's random numbers work");
    let pkcs8 = pair.to_pkcs8().expect("a new key can be encoded");
    let signing = EncodingKey::from_ed_der(pkcs8.as_ref());
    let token =
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &Empty {}, &signing).map_err(KeysError::SelfTest)?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    let key = DecodingKey::from_ed_der(pair.public_key().as_ref());
    jsonwebtoken::decode::<Empty>(token, &key, &rules).map_err(KeysError::SelfTest)?;
    Ok(())
}
