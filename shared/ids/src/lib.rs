//! Identifiers, checked once at the border: past it, a value of these types is known to be well-formed.

use std::fmt;

mod partition;

pub use partition::{PARTITIONS, Partition};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Empty where a value is needed.
    #[error("must not be empty")]
    Empty,
    /// Longer than the limit, in bytes.
    #[error("must be at most {0} bytes")]
    TooLong(usize),
    /// Contains a NUL character, which Postgres cannot store.
    #[error("must not contain a NUL character")]
    Nul,
    /// Contains a character outside the allowed set.
    #[error("must be lower-case letters, digits, '-' and '_', beginning with a letter or digit")]
    Charset,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks a text.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidId> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier!(
    /// A tenant: `[a-z0-9][a-z0-9_-]{0,62}`, safe to stand in SQL settings and Redis keys.
    TenantId,
    slug
);
identifier!(
    /// A user of a tenant: 1 to 128 bytes without NUL, opaque. Compared byte by byte.
    UserId,
    opaque
);
identifier!(
    /// A caller's id of a write: 1 to 128 bytes without NUL.
    RequestId,
    opaque
);
identifier!(
    /// An event's id, unique within (tenant, log): 1 to 160 bytes without NUL; ids of follow-ups are derived.
    EventId,
    event
);
identifier!(
    /// An id that operators choose for a part of a programme (point type, rule, scheme): same shape as a tenant id.
    Key,
    slug
);

fn opaque(text: &str) -> Result<(), InvalidId> {
    bounded(text, 128)
}

fn event(text: &str) -> Result<(), InvalidId> {
    bounded(text, 160)
}

fn bounded(text: &str, max: usize) -> Result<(), InvalidId> {
    match text {
        "" => Err(InvalidId::Empty),
        _ if text.len() > max => Err(InvalidId::TooLong(max)),
        _ if text.contains('\0') => Err(InvalidId::Nul),
        _ => Ok(()),
    }
}

fn slug(text: &str) -> Result<(), InvalidId> {
    bounded(text, 63)?;
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = text.bytes().all(|c| plain(c) || c == b'_' || c == b'-');
    if rest && plain(text.as_bytes()[0]) { Ok(()) } else { Err(InvalidId::Charset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_may_be_any_text_without_nul() {
        assert_eq!(UserId::new("用户 42").unwrap().as_str(), "用户 42");
        assert_eq!(UserId::new(""), Err(InvalidId::Empty));
        assert_eq!(UserId::new("a\0b"), Err(InvalidId::Nul));
        assert_eq!(UserId::new("长".repeat(43)), Err(InvalidId::TooLong(128)));
    }

    #[test]
    fn a_tenant_id_is_a_slug() {
        assert!(TenantId::new("shop-1_b").is_ok());
        for bad in ["Shop", "-shop", "a b", "店", "a'b"] {
            assert_eq!(TenantId::new(bad), Err(InvalidId::Charset), "{bad}");
        }
        assert_eq!(TenantId::new("a".repeat(64)), Err(InvalidId::TooLong(63)));
    }
}
