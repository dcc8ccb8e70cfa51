use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;

use crate::{Caller, keys::Keys};

/// Tokens that are remembered; past it they are verified again.
const TOKENS_MAX: usize = 10_000;

/// Tokens that were verified, so that their signature is not looked at with every call: that costs more than all the rest
/// of a small call. A token counts as long as its time and the keys that it was verified by.
#[derive(Default)]
pub(crate) struct Verified(Mutex<HashMap<Mark, Arc<Seen>>>);

/// What stands for a token: nothing that was kept could be used as one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mark([u8; 32]);

/// A token that was verified.
pub(crate) struct Seen {
    /// The id of its key.
    pub(crate) kid: String,
    /// The keys of which one had signed it.
    pub(crate) keys: Arc<Keys>,
    /// Its `exp`, in seconds since 1970.
    pub(crate) expires_at: f64,
    /// Whom it names.
    pub(crate) caller: Caller,
}

impl Mark {
    /// Of a token.
    pub(crate) fn of(token: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        Self(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }
}

impl Seen {
    /// Whether its time is not over, and these are the keys that it was verified by.
    pub(crate) fn counts(&self, keys: &Arc<Keys>, leeway_seconds: u64) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(f64::MAX, |since| since.as_secs_f64());
        Arc::ptr_eq(&self.keys, keys) && now < self.expires_at + leeway_seconds as f64
    }
}

impl Verified {
    /// The token, where it was verified.
    pub(crate) fn get(&self, mark: Mark) -> Option<Arc<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&mark).cloned()
    }

    /// Remembers a token.
    pub(crate) fn keep(&self, mark: Mark, seen: Seen) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= TOKENS_MAX {
            all.clear();
        }
        all.insert(mark, Arc::new(seen));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn keys() -> Arc<Keys> {
        let set = json!({"keys": [{"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]});
        Arc::new(Keys::parse(set.to_string().as_bytes()).unwrap())
    }

    fn seen(keys: &Arc<Keys>, expires_in: f64) -> Seen {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let (subject, scopes) = ("app".to_owned(), BTreeSet::new());
        let caller = Caller { tenant: None, subject, user: None, scopes, cross_tenant: true };
        Seen { kid: "a".to_owned(), keys: Arc::clone(keys), expires_at: now + expires_in, caller }
    }

    #[test]
    fn a_token_counts_until_its_time_is_over() {
        let keys = keys();
        assert!(seen(&keys, 60.0).counts(&keys, 0));
        assert!(!seen(&keys, -1.0).counts(&keys, 0));
        assert!(seen(&keys, -1.0).counts(&keys, 30), "clocks may differ by the leeway");
    }

    #[test]
    fn a_token_counts_no_longer_than_the_keys_it_was_verified_by() {
        let (before, after) = (keys(), keys());
        assert!(!seen(&before, 60.0).counts(&after, 0));
    }

    #[test]
    fn more_tokens_than_are_remembered_are_forgotten() {
        let (verified, keys) = (Verified::default(), keys());
        for n in 0..=TOKENS_MAX {
            verified.keep(Mark::of(&n.to_string()), seen(&keys, 60.0));
        }
        assert!(verified.get(Mark::of("0")).is_none());
        assert!(verified.get(Mark::of(&TOKENS_MAX.to_string())).is_some());
    }
}
