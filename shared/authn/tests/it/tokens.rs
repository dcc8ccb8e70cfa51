use authn::{InvalidToken, TOKEN_BYTES_MAX};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{Folder, Signer, authenticator, claims, claims_but, now};

#[tokio::test]
async fn a_token_of_each_algorithm_names_its_caller() {
    let folder = Folder::new();
    let signers = [Signer::ed25519("ed"), Signer::es256("ec"), Signer::rs256("rsa")];
    let authenticator = authenticator(&folder, &[&signers[0], &signers[1], &signers[2]]).await;
    for signer in &signers {
        let caller = authenticator.verify(&signer.sign(&claims())).await.unwrap();
        assert_eq!((caller.tenant.unwrap().as_str(), caller.subject.as_str()), ("shop", "shop-app"));
        assert!(caller.scopes.contains("points.write") && !caller.cross_tenant && caller.user.is_none());
    }
}

/// Signs a header and claims that the library would not write.
fn forge(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), BASE64.encode(signature))
}

fn with_header(signer: &Signer, change: impl FnOnce(&mut Header)) -> String {
    let mut header = signer.header();
    change(&mut header);
    jsonwebtoken::encode(&header, &claims(), &signer.key).unwrap()
}

#[tokio::test]
async fn every_bad_token_is_refused_for_its_reason() {
    use InvalidToken as Bad;
    let folder = Folder::new();
    let (ed, rsa, foreign) = (Signer::ed25519("ed"), Signer::rs256("rsa"), Signer::ed25519("ed"));
    let authenticator = authenticator(&folder, &[&ed, &rsa]).await;
    let hs256 = |kid: &str, secret: &[u8]| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let good = ed.sign(&claims());
    let (signed, _) = good.rsplit_once('.').unwrap();
    let claim = |name: &str, value: Value| ed.sign(&claims_but(name, value));
    let cases = [
        ("alg none", forge(&json!({"alg": "none", "kid": "ed"}), &claims(), b""), Bad::Malformed),
        ("alg None", forge(&json!({"alg": "None", "kid": "ed"}), &claims(), b""), Bad::Malformed),
        ("no alg", forge(&json!({"kid": "ed"}), &claims(), b""), Bad::Malformed),
        ("HS256 with the Ed25519 public key", hs256("ed", &ed.public), Bad::Algorithm),
        ("HS256 with the RSA modulus", hs256("rsa", &rsa.public), Bad::Algorithm),
        ("HS256 with the JWK's text", hs256("rsa", rsa.jwk.to_string().as_bytes()), Bad::Algorithm),
        ("another key's algorithm", with_header(&ed, |header| header.kid = Some("rsa".to_owned())), Bad::Algorithm),
        ("RS512 with the RS256 key", with_header(&rsa, |header| header.alg = Algorithm::RS512), Bad::Algorithm),
        ("no kid", with_header(&ed, |header| header.kid = None), Bad::UnknownKey),
        ("unknown kid", with_header(&ed, |header| header.kid = Some("other".to_owned())), Bad::UnknownKey),
        ("critical extension", with_header(&ed, |header| header.crit = Some(vec!["exp".to_owned()])), Bad::Malformed),
        ("a stranger's key under a known kid", foreign.sign(&claims()), Bad::Signature),
        ("no signature", format!("{signed}."), Bad::Signature),
        ("two parts", signed.to_owned(), Bad::Malformed),
        ("not base64", "a.b.c".to_owned(), Bad::Malformed),
        ("empty", String::new(), Bad::Malformed),
        ("other audience", claim("aud", json!("other")), Bad::Claim("aud")),
        ("no audience", claim("aud", Value::Null), Bad::Claim("aud")),
        ("empty audiences", claim("aud", json!([])), Bad::Claim("aud")),
        ("other issuer", claim("iss", json!("https://evil.example.com")), Bad::Claim("iss")),
        ("no issuer", claim("iss", Value::Null), Bad::Malformed),
        ("list of issuers", claim("iss", json!([crate::support::ISSUER])), Bad::Malformed),
        ("no subject", claim("sub", Value::Null), Bad::Malformed),
        ("empty subject", claim("sub", json!("")), Bad::Claim("sub")),
        ("expired beyond the leeway", claim("exp", json!(now() - 32)), Bad::Expired),
        ("exp as text", claim("exp", json!((now() + 600).to_string())), Bad::Claim("exp")),
        ("no exp", claim("exp", Value::Null), Bad::Claim("exp")),
        ("exp negative", claim("exp", json!(-1)), Bad::Claim("exp")),
        ("not yet valid", claim("nbf", json!(now() + 60)), Bad::NotYetValid),
        ("nbf as text", claim("nbf", json!("0")), Bad::Claim("nbf")),
        ("no nbf", claim("nbf", Value::Null), Bad::Claim("nbf")),
        ("no tenant and not a service", claim("tenant", Value::Null), Bad::Claim("tenant")),
        ("a development token in production", claim("dev", json!(true)), Bad::Development),
        ("a megabyte", claim("padding", json!("x".repeat(1 << 20))), Bad::TooLong),
    ];
    for (name, token, want) in cases {
        assert_eq!(authenticator.verify(&token).await, Err(want), "{name}");
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let status = authenticator.authenticate(&headers).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{name}");
        assert_eq!(status::reason_of(&status).as_deref(), Some("TOKEN_INVALID"), "{name}");
    }
}

#[tokio::test]
async fn times_within_the_leeway_are_accepted() {
    let folder = Folder::new();
    let signer = Signer::ed25519("ed");
    let authenticator = authenticator(&folder, &[&signer]).await;
    for (name, value) in [("exp", now() - 20), ("nbf", now() + 20)] {
        assert!(authenticator.verify(&signer.sign(&claims_but(name, json!(value)))).await.is_ok(), "{name}");
    }
}

#[tokio::test]
async fn a_token_at_the_limit_of_length_is_read_and_one_byte_more_is_not() {
    let folder = Folder::new();
    let signer = Signer::ed25519("ed");
    let authenticator = authenticator(&folder, &[&signer]).await;
    for (length, want) in [(TOKEN_BYTES_MAX, InvalidToken::Malformed), (TOKEN_BYTES_MAX + 1, InvalidToken::TooLong)] {
        assert_eq!(authenticator.verify(&"a".repeat(length)).await, Err(want));
    }
}

#[tokio::test]
async fn one_bearer_header_is_needed() {
    let folder = Folder::new();
    let signer = Signer::ed25519("ed");
    let authenticator = authenticator(&folder, &[&signer]).await;
    let token = signer.sign(&claims());
    let headers = |values: &[String]| -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect()
    };
    for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token} ")] {
        assert!(authenticator.authenticate(&headers(&[good])).await.is_ok());
    }
    let bearer = format!("Bearer {token}");
    for bad in
        [vec![], vec![token.clone()], vec![format!("Basic {token}")], vec![bearer.clone(), bearer], vec![String::new()]]
    {
        let status = authenticator.authenticate(&headers(&bad)).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unauthenticated, "{bad:?}");
    }
}
