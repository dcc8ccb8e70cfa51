use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Validation, decode_header, errors::ErrorKind};
use tokio::sync::Mutex;
use tonic::Status;

use crate::{
    AuthnSettings, Caller, InvalidToken, KeysError, ON_BEHALF, SUBJECT, TOKEN_BYTES_MAX,
    claims::Claims,
    dev,
    fetch::Source,
    keys::{Key, Keys},
    settings::LEEWAY_SECONDS_MAX,
    verified::{Mark, Seen, Verified},
};

/// Turns tokens into callers.
pub struct Authenticator {
    settings: AuthnSettings,
    source: Source,
    keys: RwLock<Arc<Keys>>,
    /// When keys were last asked for. Held while they are read, so that many callers cause one read.
    asked_at: Mutex<Instant>,
    /// When they were last read with success.
    read_at: RwLock<Instant>,
    verified: Verified,
}

impl Authenticator {
    /// Reads the keys, and proves once that signatures work in this build.
    pub async fn new(settings: AuthnSettings) -> Result<Self, KeysError> {
        if settings.issuer.is_empty() {
            return Err(KeysError::Setting("issuer", "must name the issuer of the tokens"));
        }
        if settings.audience.is_empty() {
            return Err(KeysError::Setting("audience", "must not be empty"));
        }
        if settings.leeway_seconds > LEEWAY_SECONDS_MAX {
            return Err(KeysError::Setting("leeway_seconds", "must be at most 60"));
        }
        dev::self_test()?;
        let source = Source::new(&settings.jwks)?;
        let keys = RwLock::new(Arc::new(source.read().await?));
        let now = Instant::now();
        Ok(Self {
            settings,
            source,
            keys,
            asked_at: Mutex::new(now),
            read_at: RwLock::new(now),
            verified: Verified::default(),
        })
    }

    /// The caller that a call's headers name, or UNAUTHENTICATED `TOKEN_INVALID`.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Status> {
        let verdict = match bearer(headers) {
            Ok(token) => self.verify(token).await,
            Err(error) => Err(error),
        };
        let caller = verdict.map_err(|error| {
            tracing::debug!(cause = %error, "a token was refused");
            Status::from(error)
        })?;
        let text = |name| headers.get(name).map(|value| str::from_utf8(value.as_bytes()).unwrap_or_default());
        match (text(ON_BEHALF), text(SUBJECT)) {
            (None, None) => Ok(caller),
            (tenant, subject) => caller.on_behalf(tenant.unwrap_or_default(), subject),
        }
    }

    /// The caller that a token names.
    pub async fn verify(&self, token: &str) -> Result<Caller, InvalidToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::TooLong);
        }
        let mark = Mark::of(token);
        if let Some(seen) = self.verified.get(mark)
            && seen.counts(&self.keys_with(&seen.kid).await, self.settings.leeway_seconds)
        {
            return Ok(seen.caller.clone());
        }
        let header = decode_header(token).map_err(|_| InvalidToken::Malformed)?;
        // Extensions that must be understood: we understand none.
        if header.crit.is_some() {
            return Err(InvalidToken::Malformed);
        }
        let kid = header.kid.ok_or(InvalidToken::UnknownKey)?;
        let keys = self.keys_with(&kid).await;
        let claims = self.check(token, keys.get(&kid).ok_or(InvalidToken::UnknownKey)?)?;
        if claims.is_development() && !self.settings.development {
            return Err(InvalidToken::Development);
        }
        let expires_at = claims.expires_at();
        let caller = claims.into_caller()?;
        self.verified.keep(mark, Seen { kid, keys, expires_at, caller: caller.clone() });
        Ok(caller)
    }

    fn check(&self, token: &str, key: &Key) -> Result<Claims, InvalidToken> {
        let mut rules = Validation::new(key.algorithm);
        rules.leeway = self.settings.leeway_seconds;
        rules.validate_nbf = true;
        rules.set_audience(&[&self.settings.audience]);
        rules.set_issuer(&[&self.settings.issuer]);
        rules.set_required_spec_claims(&["iss", "aud", "exp", "nbf", "sub"]);
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules);
        decoded.map(|data| data.claims).map_err(|error| cause(error.kind()))
    }

    /// The known keys; read anew where they are old or lack the key, within the limits of the settings.
    async fn keys_with(&self, kid: &str) -> Arc<Keys> {
        let keys = self.known();
        if keys.get(kid).is_some() {
            let old = read(&self.read_at).elapsed() >= self.settings.refresh();
            // One caller pays for the read; the others go on with the keys that are there.
            if old && let Ok(mut asked_at) = self.asked_at.try_lock() {
                self.refresh(&mut asked_at).await;
            }
        } else {
            let mut asked_at = self.asked_at.lock().await;
            if self.known().get(kid).is_none() {
                self.refresh(&mut asked_at).await;
            }
        }
        self.known()
    }

    async fn refresh(&self, asked_at: &mut Instant) {
        if asked_at.elapsed() < self.settings.refresh_min() {
            return;
        }
        // Noted before the read: neither a failing nor an abandoned read may be repeated at once.
        *asked_at = Instant::now();
        match self.source.read().await {
            Ok(keys) => {
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                *self.read_at.write().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            }
            // The old keys stay: an issuer that is away must not lock everybody out.
            Err(error) => tracing::warn!(
                error = %error,
                source = error_source(&error),
                "the keys could not be read anew; the known ones stay in use"
            ),
        }
    }

    fn known(&self) -> Arc<Keys> {
        read(&self.keys)
    }
}

fn read<T: Clone>(lock: &RwLock<T>) -> T {
    lock.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn error_source(error: &KeysError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Result<&str, InvalidToken> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(InvalidToken::Missing)?;
    // Which of two headers counts could differ between a proxy and us.
    if values.next().is_some() {
        return Err(InvalidToken::Malformed);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(InvalidToken::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(InvalidToken::Malformed) }
}

fn cause(kind: &ErrorKind) -> InvalidToken {
    match kind {
        ErrorKind::InvalidAlgorithm => InvalidToken::Algorithm,
        ErrorKind::InvalidSignature => InvalidToken::Signature,
        ErrorKind::ExpiredSignature => InvalidToken::Expired,
        ErrorKind::ImmatureSignature => InvalidToken::NotYetValid,
        ErrorKind::InvalidIssuer => InvalidToken::Claim("iss"),
        ErrorKind::InvalidAudience => InvalidToken::Claim("aud"),
        ErrorKind::MissingRequiredClaim(name) | ErrorKind::InvalidClaimFormat(name) => {
            let known = ["iss", "aud", "exp", "nbf", "sub"].into_iter().find(|known| known == name);
            known.map_or(InvalidToken::Malformed, InvalidToken::Claim)
        }
        _ => InvalidToken::Malformed,
    }
}
