//! An issuer whose tokens can be wrong in every way.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use authn::{Authenticator, AuthnSettings};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.com";

/// A folder that goes away with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("authn-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A signing key with its public half as a JWK.
pub(crate) struct Signer {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) jwk: Value,
    pub(crate) public: Vec<u8>,
}

impl Signer {
    pub(crate) fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": BASE64.encode(&public)});
        let key = EncodingKey::from_ed_der(pkcs8.as_ref());
        Self { kid: kid.to_owned(), algorithm: Algorithm::EdDSA, key, jwk, public }
    }

    pub(crate) fn es256(kid: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        let (x, y) = (BASE64.encode(&public[1..33]), BASE64.encode(&public[33..65]));
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y, "alg": "ES256"});
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        Self { kid: kid.to_owned(), algorithm: Algorithm::ES256, key, jwk, public }
    }

    pub(crate) fn rs256(kid: &str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let exponent = pair.public_key().exponent().big_endian_without_leading_zero().to_vec();
        let jwk = json!({
            "kty": "RSA", "kid": kid, "use": "sig", "n": BASE64.encode(&modulus), "e": BASE64.encode(exponent),
        });
        // The library signs with the PKCS#1 form, which follows a fixed header of 26 bytes in PKCS#8 of this key size.
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let key = EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..]);
        Self { kid: kid.to_owned(), algorithm: Algorithm::RS256, key, jwk, public: modulus }
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&self.header(), claims, &self.key).unwrap()
    }
}

pub(crate) fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| &signer.jwk).collect();
    json!({ "keys": keys }).to_string()
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims that are accepted.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "banyan", "sub": "shop-app", "nbf": now() - 10, "exp": now() + 600,
        "tenant": "shop", "scope": "points.read points.write",
    })
}

/// Claims that are accepted but for one, which is replaced, or removed where the value is null.
pub(crate) fn claims_but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

pub(crate) fn settings(jwks: &str) -> AuthnSettings {
    AuthnSettings { jwks: jwks.to_owned(), issuer: ISSUER.to_owned(), leeway_seconds: 30, ..AuthnSettings::default() }
}

pub(crate) async fn authenticator(folder: &Folder, signers: &[&Signer]) -> Authenticator {
    let file = folder.write("jwks.json", &jwks(signers));
    Authenticator::new(settings(&file.display().to_string())).await.unwrap()
}
