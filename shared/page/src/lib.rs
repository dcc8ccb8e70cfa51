//! Pages of lists by keyset: a token holds the sort key of the last row shown, and is good only for the list, the tenant
//! and the arguments it was given out for. Signed, so that nobody can make one up; not secret, so a key holds only what
//! the caller has just read.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::TenantId;

/// Written first into every token, so that a later layout can tell older tokens apart.
const LAYOUT: u8 = 1;

/// Bytes of the signature, HMAC-SHA256.
const SIGNATURE: usize = 32;

/// The token does not continue this list with these arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the next_page_token of the page before, with all other arguments unchanged")]
pub struct BadToken;

/// Seals and opens the tokens of a service. All its replicas need the same secret.
#[derive(Debug)]
pub struct Tokens(hmac::Key);

impl Tokens {
    /// With a secret of at least 16 random bytes. A new secret makes clients begin their lists again.
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()))
    }

    /// The token after the row with this sort key. `list` is the method's name, such as `PointsService/ListEntries`.
    pub fn seal(&self, list: &str, args_hash: [u8; 16], key: &[String]) -> String {
        let mut payload = vec![LAYOUT];
        for part in key {
            put(&mut payload, part.as_bytes());
        }
        let signature = hmac::sign(&self.0, &signed(list, args_hash, &payload));
        URL_SAFE_NO_PAD.encode([signature.as_ref(), &payload].concat())
    }

    /// The sort key in a token. The empty token asks for the first page and is not for here.
    pub fn open(&self, list: &str, args_hash: [u8; 16], token: &str) -> Result<Vec<String>, BadToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| BadToken)?;
        let (signature, payload) = bytes.split_at_checked(SIGNATURE).ok_or(BadToken)?;
        hmac::verify(&self.0, &signed(list, args_hash, payload), signature).map_err(|_| BadToken)?;
        match payload.split_first() {
            Some((&LAYOUT, parts)) => key_of(parts).ok_or(BadToken),
            _ => Err(BadToken),
        }
    }
}

/// What a list depends on besides its place: the tenant, and every argument but page size and token, in a fixed order.
pub fn args_hash<'a>(tenant: &TenantId, args: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let mut text = Vec::new();
    put(&mut text, tenant.as_str().as_bytes());
    for arg in args {
        put(&mut text, arg);
    }
    let hash = digest::digest(&digest::SHA256, &text);
    let (first, _) = hash.as_ref().split_first_chunk().expect("SHA-256 has 32 bytes");
    *first
}

/// How many rows a page has: the default where none is asked for, and never more than the most.
pub fn size(requested: i32, default: i64, max: i64) -> i64 {
    if requested <= 0 { default } else { i64::from(requested).min(max) }
}

/// Every part with its length before it, so that no two lists of parts read the same.
fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).expect("arguments are far below 4 GiB");
    bytes.extend(length.to_be_bytes());
    bytes.extend(part);
}

fn signed(list: &str, args_hash: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, list.as_bytes());
    message.extend(args_hash);
    message.extend(payload);
    message
}

fn key_of(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut key = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        key.push(String::from_utf8(part.to_vec()).ok()?);
        bytes = rest;
    }
    Some(key)
}

#[cfg(test)]
mod tests;
