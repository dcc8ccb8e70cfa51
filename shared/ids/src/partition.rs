use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use crate::TenantId;

/// How many partitions every event log has. Part of the contract: clients may compute a user's partition.
pub const PARTITIONS: u8 = 32;

/// The partition of a log that holds a user's events: the same in all services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u8);

impl Partition {
    /// `xxh3_64(tenant ‖ 0x00 ‖ user) mod 32`. Tenant ids hold no zero byte, so two pairs never read the same. An event
    /// about no user has the empty user.
    pub fn of(tenant: &TenantId, user: &str) -> Self {
        let mut hash = Xxh3::new();
        hash.update(tenant.as_str().as_bytes());
        hash.update(&[0]);
        hash.update(user.as_bytes());
        Self((hash.digest() % u64::from(PARTITIONS)) as u8)
    }

    /// Partition number `index`, where it is below [`PARTITIONS`].
    pub fn new(index: i64) -> Option<Self> {
        (0..i64::from(PARTITIONS)).contains(&index).then_some(Self(index as u8))
    }

    /// Every partition in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS).map(Self)
    }

    /// 0 to 31.
    pub fn index(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fixed_for_ever() {
        let tenant = TenantId::new("shop").unwrap();
        let got: Vec<u8> = ["", "u1", "u2", "用户"].iter().map(|user| Partition::of(&tenant, user).index()).collect();
        assert_eq!(got, [22, 10, 4, 6], "computed by another implementation of xxh3");
    }
}
