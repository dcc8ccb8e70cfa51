use proptest::prelude::*;
use serde_json::json;

use crate::support::violations;

proptest! {
    #[test]
    fn a_user_id_passes_exactly_where_it_has_1_to_128_bytes_and_no_nul(user in "(?s).{0,140}") {
        let allowed = (1..=128).contains(&user.len()) && !user.contains('\0');
        let found = violations("banyan.levels.v1.GetBalanceRequest", &json!({"user_id": user, "point_type_id": "p"}));
        prop_assert_eq!(found.is_empty(), allowed, "{:?}", found);
    }

    #[test]
    fn an_amount_passes_exactly_where_it_is_in_range(amount: i64) {
        let earn = json!({"request_id": "r", "user_id": "u", "point_type_id": "p", "amount": amount});
        let found = violations("banyan.levels.v1.EarnRequest", &earn);
        prop_assert_eq!(found.is_empty(), (1..=1_000_000_000_000).contains(&amount), "{:?}", found);
    }

    #[test]
    fn an_id_of_a_point_type_passes_exactly_where_it_is_a_slug(id in "[a-zA-Z0-9_\\- \\n]{0,70}") {
        let slug = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let allowed = (1..=63).contains(&id.len())
            && slug(id.as_bytes()[0])
            && id.bytes().all(|c| slug(c) || c == b'_' || c == b'-');
        let point_type = json!({
            "point_type_id": id, "display_name": {"texts": {"en": "x"}}, "expiry_policy": 1, "reversal_policy": 1, "zone": "UTC",
        });
        let found = violations("banyan.levels.v1.PointType", &point_type);
        prop_assert_eq!(found.is_empty(), allowed, "{:?}", found);
    }
}
