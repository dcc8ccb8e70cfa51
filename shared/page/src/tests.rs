use proptest::prelude::*;

use super::*;

const LIST: &str = "PointsService/ListEntries";

fn tokens() -> Tokens {
    Tokens::new(b"sixteen bytes or more")
}

fn args(tenant: &str, args: &[&str]) -> [u8; 16] {
    args_hash(&TenantId::new(tenant).unwrap(), args.iter().map(|arg| arg.as_bytes()))
}

fn key() -> Vec<String> {
    vec!["2026-03-31T16:00:00Z".to_owned(), "用户 42".to_owned(), String::new()]
}

fn sealed() -> String {
    tokens().seal(LIST, args("shop", &["u1"]), &key())
}

#[test]
fn a_token_opens_to_its_key() {
    assert_eq!(tokens().open(LIST, args("shop", &["u1"]), &sealed()), Ok(key()));
}

#[test]
fn a_token_of_another_list_argument_tenant_or_service_is_refused() {
    let own = args("shop", &["u1"]);
    let cases = [
        ("another list", tokens().open("PointsService/ListHolds", own, &sealed())),
        ("another argument", tokens().open(LIST, args("shop", &["u2"]), &sealed())),
        ("an argument more", tokens().open(LIST, args("shop", &["u1", ""]), &sealed())),
        ("arguments cut elsewhere", tokens().open(LIST, args("shop", &["u", "1"]), &sealed())),
        ("another tenant", tokens().open(LIST, args("shop2", &["u1"]), &sealed())),
        ("another secret", Tokens::new(b"some other secret").open(LIST, own, &sealed())),
    ];
    for (name, got) in cases {
        assert_eq!(got, Err(BadToken), "{name}");
    }
}

#[test]
fn a_token_with_any_bit_flipped_is_refused() {
    let token = URL_SAFE_NO_PAD.decode(sealed()).unwrap();
    for bit in 0..token.len() * 8 {
        let mut forged = token.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let got = tokens().open(LIST, args("shop", &["u1"]), &URL_SAFE_NO_PAD.encode(forged));
        assert_eq!(got, Err(BadToken), "bit {bit}");
    }
}

#[test]
fn a_token_cut_anywhere_or_grown_is_refused() {
    let token = sealed();
    for length in 0..token.len() {
        assert_eq!(tokens().open(LIST, args("shop", &["u1"]), &token[..length]), Err(BadToken), "{length} characters");
    }
    for grown in [format!("{token}A"), format!("{token}="), format!(" {token}"), format!("{token}{token}")] {
        assert_eq!(tokens().open(LIST, args("shop", &["u1"]), &grown), Err(BadToken), "{grown}");
    }
}

#[test]
fn a_page_has_the_default_size_unless_asked_and_never_more_than_the_most() {
    let cases = [(0, 50), (1, 1), (200, 200), (201, 200), (i32::MAX, 200), (-1, 50)];
    for (requested, want) in cases {
        assert_eq!(size(requested, 50, 200), want, "{requested}");
    }
}

proptest! {
    #[test]
    fn any_key_opens_again(key: Vec<String>, list: String, args: [u8; 16]) {
        let token = tokens().seal(&list, args, &key);
        prop_assert_eq!(tokens().open(&list, args, &token), Ok(key));
    }

    #[test]
    fn any_text_is_opened_without_a_panic(token: String) {
        prop_assert_eq!(tokens().open(LIST, args("shop", &[]), &token), Err(BadToken));
    }
}
