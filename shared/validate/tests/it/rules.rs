use serde_json::{Value, json};
use validate::{DEPTH_MAX, Validator};

use crate::support::{check, compile};

fn violations(definitions: &str, content: &Value) -> Vec<String> {
    let pool = compile(definitions);
    let validator = Validator::new(&pool).unwrap_or_else(|error| panic!("{definitions}: {error}"));
    check(&validator, &pool, "test.M", content)
}

/// Checks a field `v` of a type under a rule.
fn field(kind: &str, rule: &str, value: &Value) -> Vec<String> {
    let message = format!(
        "enum E {{ E_ZERO = 0; E_ONE = 1; E_TWO = 2; }} message M {{ {kind} v = 1 [(buf.validate.field){rule}]; }}"
    );
    let content = if value.is_null() { json!({}) } else { json!({ "v": value }) };
    violations(&message, &content)
}

/// Type, rule, a value at the limit, one beyond, and what is then wrong.
type Case = (&'static str, &'static str, Value, Value, &'static str);

fn each_limit_holds(cases: &[Case]) {
    for (kind, rule, good, bad, want) in cases {
        assert_eq!(field(kind, rule, good), Vec::<String>::new(), "{kind} {rule}: {good}");
        assert_eq!(field(kind, rule, bad), [format!("v: {want}")], "{kind} {rule}: {bad}");
    }
}

#[test]
fn rules_of_strings_and_bytes_pass_their_limit_and_name_what_is_beyond() {
    each_limit_holds(&[
        ("string", ".string.const = 'a'", json!("a"), json!("b"), "must be \"a\""),
        ("string", ".string.len = 2", json!("用户"), json!("用户们"), "must be exactly 2 characters, is 3"),
        ("string", ".string.min_len = 2", json!("用户"), json!("用"), "must be at least 2 characters, is 1"),
        ("string", ".string.max_len = 1", json!("用"), json!("用户"), "must be at most 1 character, is 2"),
        ("string", ".string.len_bytes = 3", json!("用"), json!("ab"), "must be exactly 3 bytes, is 2"),
        ("string", ".string.min_bytes = 3", json!("用"), json!("ab"), "must be at least 3 bytes, is 2"),
        ("string", ".string.max_bytes = 3", json!("用"), json!("abcd"), "must be at most 3 bytes, is 4"),
        ("string", ".string.pattern = 'b'", json!("abc"), json!("ac"), "must match b"),
        ("string", ".string.prefix = 'a'", json!("ab"), json!("ba"), "must begin with \"a\""),
        ("string", ".string.suffix = 'a'", json!("ba"), json!("ab"), "must end with \"a\""),
        ("string", ".string.contains = 'a'", json!("bab"), json!("b"), "must contain \"a\""),
        ("string", ".string.not_contains = 'a'", json!("b"), json!("bab"), "must not contain \"a\""),
        ("string", ".string = {in: ['a', 'b']}", json!("b"), json!("c"), "must be one of a, b"),
        ("string", ".string = {not_in: ['a', 'b']}", json!("c"), json!("b"), "must not be one of a, b"),
        ("bytes", ".bytes.len = 2", json!("AAA="), json!("AA=="), "must be exactly 2 bytes, is 1"),
        ("bytes", ".bytes.min_len = 2", json!("AAA="), json!("AA=="), "must be at least 2 bytes, is 1"),
        ("bytes", ".bytes.max_len = 1", json!("AA=="), json!("AAA="), "must be at most 1 byte, is 2"),
        ("string", ".required = true", json!("a"), json!(""), "is required"),
    ]);
}

#[test]
fn rules_of_numbers_and_enums_pass_their_limit_and_name_what_is_beyond() {
    each_limit_holds(&[
        ("int32", ".int32.const = 3", json!(3), json!(4), "must be 3, is 4"),
        ("sint32", ".sint32.gt = -1", json!(0), json!(-1), "must be above -1, is -1"),
        ("int64", ".int64.gte = 0", json!(0), json!(-1), "must be at least 0, is -1"),
        ("uint32", ".uint32.lt = 2", json!(1), json!(2), "must be below 2, is 2"),
        ("fixed32", ".fixed32.lte = 2", json!(2), json!(3), "must be at most 2, is 3"),
        ("sfixed64", ".sfixed64 = {in: [1, 2]}", json!(2), json!(3), "must be one of 1, 2, is 3"),
        ("uint64", ".uint64 = {not_in: [1, 2]}", json!(3), json!(2), "must not be 2"),
        (
            "uint64",
            ".uint64.lt = 18446744073709551615",
            json!(u64::MAX - 1),
            json!(u64::MAX),
            "must be below 18446744073709551615, is 18446744073709551615",
        ),
        ("E", ".enum.const = 1", json!(1), json!(2), "must be E_ONE, is E_TWO"),
        ("E", ".enum = {in: [1]}", json!(1), json!(2), "must be one of E_ONE, is E_TWO"),
        ("E", ".enum = {not_in: [0]}", json!(1), json!(0), "must not be E_ZERO"),
        ("E", ".enum.defined_only = true", json!(2), json!(3), "must be a value of E, is 3"),
        ("E", ".required = true", json!(1), json!(0), "is required"),
    ]);
}

#[test]
fn rules_of_lists_maps_and_times_pass_their_limit_and_name_what_is_beyond() {
    each_limit_holds(&[
        ("repeated int32", ".repeated.min_items = 2", json!([1, 2]), json!([1]), "must have at least 2 items, has 1"),
        ("repeated int32", ".repeated.max_items = 1", json!([1]), json!([1, 2]), "must have at most 1 item, has 2"),
        ("map<string, int32>", ".map.min_pairs = 1", json!({"a": 1}), json!({}), "must not be empty"),
        (
            "map<string, int32>",
            ".map.max_pairs = 1",
            json!({"a": 1}),
            json!({"a": 1, "b": 2}),
            "must have at most 1 entry, has 2",
        ),
        (
            "google.protobuf.Timestamp",
            ".timestamp.gt = {seconds: 1}",
            json!("1970-01-01T00:00:01.5Z"),
            json!("1970-01-01T00:00:01Z"),
            "must be after 1970-01-01T00:00:01Z, is 1970-01-01T00:00:01Z",
        ),
        (
            "google.protobuf.Timestamp",
            ".timestamp.lt = {seconds: 1}",
            json!("1970-01-01T00:00:00.5Z"),
            json!("1970-01-01T00:00:01Z"),
            "must be before 1970-01-01T00:00:01Z, is 1970-01-01T00:00:01Z",
        ),
        (
            "google.protobuf.Timestamp",
            ".timestamp.lte = {seconds: 1}",
            json!("1970-01-01T00:00:01Z"),
            json!("1970-01-01T00:00:02Z"),
            "must be at or before 1970-01-01T00:00:01Z, is 1970-01-01T00:00:02Z",
        ),
        (
            "google.protobuf.Duration",
            ".duration.lte = {seconds: 1}",
            json!("1s"),
            json!("1.5s"),
            "must be at most 1 s, is 1.5 s",
        ),
        (
            "google.protobuf.Duration",
            ".duration.lt = {seconds: 1}",
            json!("0.5s"),
            json!("1s"),
            "must be shorter than 1 s, is 1 s",
        ),
        (
            "google.protobuf.Duration",
            ".duration.gt = {seconds: 1}",
            json!("1.5s"),
            json!("1s"),
            "must be longer than 1 s, is 1 s",
        ),
    ]);
}

#[test]
fn rules_of_items_keys_and_values_name_the_element() {
    let rule = ".repeated = {unique: true items: {int32: {gte: 0}}}";
    let want = ["v[2]: must not repeat an earlier item", "v[1]: must be at least 0, is -1"];
    assert_eq!(field("repeated int32", rule, &json!([1, -1, 1])), want);
    let rule = ".map = {keys: {int32: {gte: 0}} values: {enum: {not_in: [0]}}}";
    let want = ["v[-1]: the key must be at least 0, is -1", "v[7]: must not be E_ZERO"];
    assert_eq!(field("map<int32, E>", rule, &json!({"7": 0, "-1": 1})), want);
}

#[test]
fn a_field_with_presence_is_checked_only_where_it_is_set() {
    let rule = ".string.min_len = 1";
    assert_eq!(field("string", rule, &Value::Null), ["v: must not be empty"]);
    assert_eq!(field("optional string", rule, &Value::Null), Vec::<String>::new());
    assert_eq!(field("optional string", rule, &json!("")), ["v: must not be empty"]);
    assert_eq!(field("optional string", ".required = true", &json!("")), Vec::<String>::new());
    assert_eq!(field("optional string", ".required = true", &Value::Null), ["v: is required"]);
}

#[test]
fn a_zero_value_can_be_let_pass() {
    let rule = " = {ignore: IGNORE_IF_ZERO_VALUE string: {min_len: 2}}";
    assert_eq!(field("string", rule, &json!("")), Vec::<String>::new());
    assert_eq!(field("string", rule, &json!("a")), ["v: must be at least 2 characters, is 1"]);
}

#[test]
fn strings_and_enums_without_rules_are_checked_wherever_they_stand() {
    let message = "enum E { E_ZERO = 0; } message Part { string s = 1; }
        message M { string s = 1; repeated string r = 2; map<string, string> m = 3; Part p = 4; map<int32, Part> mp = 5;
            oneof o { string a = 6; } E e = 7; repeated E es = 8; optional E oe = 9; }";
    for (content, want) in [
        (json!({"s": "\0"}), "s: must not contain a NUL character"),
        (json!({"r": ["", "\0"]}), "r[1]: must not contain a NUL character"),
        (json!({"m": {"k": "\0"}}), "m[\"k\"]: must not contain a NUL character"),
        (json!({"m": {"\0": ""}}), "m[\"\\0\"]: the key must not contain a NUL character"),
        (json!({"p": {"s": "\0"}}), "p.s: must not contain a NUL character"),
        (json!({"mp": {"3": {"s": "\0"}}}), "mp[3].s: must not contain a NUL character"),
        (json!({"a": "\0"}), "a: must not contain a NUL character"),
        (json!({"e": 1}), "e: must be a value of E, is 1"),
        (json!({"es": [0, -1]}), "es[1]: must be a value of E, is -1"),
        (json!({"oe": 1}), "oe: must be a value of E, is 1"),
    ] {
        assert_eq!(violations(message, &content), [want]);
    }
}

#[test]
fn messages_may_be_nested_to_the_limit_and_not_deeper() {
    let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "m": inner }));
    let check = |depth: usize| violations("message M { M m = 1; }", &nested(depth));
    assert_eq!(check(DEPTH_MAX), Vec::<String>::new());
    let found = check(DEPTH_MAX + 1);
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with(": must not be nested deeper than 32 messages"), "{found:?}");
}

#[test]
fn only_the_first_fifty_violations_are_kept() {
    let pool = compile("message M { repeated string r = 1; }");
    let validator = Validator::new(&pool).unwrap();
    let found = check(&validator, &pool, "test.M", &json!({"r": vec!["\0"; 60]}));
    assert_eq!(found.len(), 50);
}
