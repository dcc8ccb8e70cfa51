//! Holdouts and draws: fixed hashes, so that whoever computes them again gets the same.

use ids::{TenantId, UserId};
use xxhash_rust::xxh3::Xxh3;

fn hash(parts: &[&str]) -> u128 {
    let mut hash = Xxh3::new();
    for part in parts {
        // no id holds a zero byte, so two lists of parts never read the same
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest128()
}

/// Whether a user belongs to the share of users that a salt holds out. A greater share holds out the same and more.
pub fn held_out(salt: &[&str], user: &UserId, share_bp: i32) -> bool {
    let bucket = hash(&[salt, &[user.as_str()]].concat()) % 10_000;
    i64::try_from(bucket).is_ok_and(|bucket| bucket < i64::from(share_bp))
}

/// Whether a user is held out of all campaigns of a tenant.
pub fn held_out_of_all(tenant: &TenantId, user: &UserId, share_bp: i32) -> bool {
    held_out(&["holdout", tenant.as_str()], user, share_bp)
}

/// Whether a user is held out of a campaign.
pub fn held_out_of(tenant: &TenantId, campaign_id: &str, user: &UserId, share_bp: i32) -> bool {
    held_out(&["holdout", tenant.as_str(), campaign_id], user, share_bp)
}

/// A number from `min` to `max`, evenly drawn for the user by the campaign's version and the event at the chain's root.
pub fn drawn(
    tenant: &TenantId,
    (campaign_id, version): (&str, i32),
    (root_event, user): (&str, &UserId),
    (min, max): (i64, i64),
) -> i64 {
    let parts = ["draw", tenant.as_str(), campaign_id, &version.to_string(), root_event, user.as_str()];
    let span = u128::from(max.abs_diff(min)) + 1;
    min.saturating_add(i64::try_from(hash(&parts) % span).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        TenantId::new("shop").unwrap()
    }

    fn users() -> Vec<UserId> {
        (0..10_000).map(|n| UserId::new(format!("u{n}")).unwrap()).collect()
    }

    #[test]
    fn a_share_of_users_is_held_out_and_a_greater_share_keeps_them() {
        let users = users();
        let of = |share| -> Vec<&UserId> {
            users.iter().filter(|user| held_out_of(&tenant(), "spring", user, share)).collect()
        };
        assert_eq!(of(0).len(), 0);
        assert_eq!(of(10_000).len(), 10_000);
        let (five, ten) = (of(500), of(1_000));
        assert!(
            (400..=600).contains(&five.len()) && (850..=1_150).contains(&ten.len()),
            "{} {}",
            five.len(),
            ten.len()
        );
        assert!(five.iter().all(|user| ten.contains(user)));
    }

    #[test]
    fn the_holdouts_of_two_campaigns_do_not_depend_on_each_other() {
        let users = users();
        let both = users
            .iter()
            .filter(|user| held_out_of(&tenant(), "a", user, 5_000) && held_out_of(&tenant(), "b", user, 5_000));
        assert!((2_300..=2_700).contains(&both.count()));
    }

    #[test]
    fn the_same_event_draws_the_same_number_and_all_numbers_are_drawn() {
        let draw = |root: &str, user: &UserId| drawn(&tenant(), ("spring", 1), (root, user), (1, 10));
        let users = users();
        let mut times = [0; 10];
        for user in &users {
            let number = draw("e", user);
            assert_eq!(draw("e", user), number);
            times[usize::try_from(number - 1).unwrap()] += 1;
        }
        assert!(times.iter().all(|times| (850..=1_150).contains(times)), "{times:?}");
        assert_eq!(drawn(&tenant(), ("spring", 1), ("e", &users[0]), (7, 7)), 7);
    }
}
