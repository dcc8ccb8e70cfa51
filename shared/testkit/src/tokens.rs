//! Tokens that servers under test accept.

use std::sync::LazyLock;

use authn::dev::Issuer;

use crate::workspace::data_dir;

/// The issuer of this checkout's tests: `tokens().settings()` makes a server accept what `tokens().mint(&Grant::…)` mints.
pub fn tokens() -> &'static Issuer {
    static ISSUER: LazyLock<Issuer> =
        LazyLock::new(|| Issuer::open(&data_dir().join("issuer")).expect("the target folder can be written"));
    &ISSUER
}
