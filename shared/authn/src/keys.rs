use std::collections::HashMap;

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;

use crate::KeysError;

/// A public key and the one algorithm that it may be used with.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// The keys of an issuer by key id.
pub(crate) struct Keys(HashMap<String, Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a JWKS. Keys that we cannot use (for encryption, without a kid, of another algorithm) are passed over, since
    /// issuers publish such keys beside the ones they sign with; one usable key must remain.
    pub(crate) fn parse(jwks: &[u8]) -> Result<Self, KeysError> {
        let document: Document = serde_json::from_slice(jwks).map_err(KeysError::Json)?;
        let mut keys = HashMap::new();
        for value in document.keys {
            match serde_json::from_value::<Jwk>(value).ok().and_then(usable) {
                Some((kid, key)) => {
                    // Of two keys with one id only the first counts: which of them signed could not be told.
                    keys.entry(kid).or_insert(key);
                }
                None => tracing::debug!("a key of the key set is of no use here"),
            }
        }
        if keys.is_empty() { Err(KeysError::NoUsableKey) } else { Ok(Self(keys)) }
    }

    pub(crate) fn get(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }
}

fn usable(jwk: Jwk) -> Option<(String, Key)> {
    let signs = !matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature);
    let kid = jwk.common.key_id.clone().filter(|kid| !kid.is_empty())?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let agrees = jwk.common.key_algorithm.is_none_or(|declared| declared == KeyAlgorithm::from(algorithm));
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    (signs && agrees).then_some((kid, Key { algorithm, decoding }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(keys: serde_json::Value) -> Result<Vec<(String, Algorithm)>, KeysError> {
        let keys = Keys::parse(json!({ "keys": keys }).to_string().as_bytes())?;
        let mut found: Vec<_> = keys.0.into_iter().map(|(kid, key)| (kid, key.algorithm)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    #[test]
    fn the_algorithm_is_fixed_by_the_kind_of_key() {
        let found = parse(json!([
            {"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
            {"kid": "b", "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "use": "sig", "alg": "ES256"},
            {"kid": "c", "kty": "RSA", "n": "AAAA", "e": "AQAB"},
        ]));
        let want = [("a", Algorithm::EdDSA), ("b", Algorithm::ES256), ("c", Algorithm::RS256)];
        assert_eq!(found.unwrap(), want.map(|(kid, algorithm)| (kid.to_owned(), algorithm)));
    }

    #[test]
    fn keys_of_no_use_are_passed_over() {
        let usable = json!({"kid": "good", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"});
        for other in [
            json!({"kid": "secret", "kty": "oct", "k": "AAAA", "alg": "HS256"}),
            json!({"kid": "encrypts", "kty": "RSA", "n": "AAAA", "e": "AQAB", "use": "enc"}),
            json!({"kid": "pss", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "PS256"}),
            json!({"kid": "confused", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "HS256"}),
            json!({"kid": "p384", "kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA"}),
            json!({"kid": "x25519", "kty": "OKP", "crv": "X25519", "x": "AAAA"}),
            json!({"kid": "", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            json!("text"),
        ] {
            let found = parse(json!([other, usable])).unwrap();
            assert_eq!(found, [("good".to_owned(), Algorithm::EdDSA)], "{other}");
        }
    }

    #[test]
    fn a_key_set_without_a_usable_key_is_refused() {
        assert!(matches!(parse(json!([])), Err(KeysError::NoUsableKey)));
        assert!(matches!(Keys::parse(b"{}"), Err(KeysError::Json(_))));
        assert!(matches!(Keys::parse(b"<html>"), Err(KeysError::Json(_))));
    }
}
