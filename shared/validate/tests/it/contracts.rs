use serde_json::{Value, json};

use crate::support::violations;

const USER_EVENT: &str = "banyan.profiles.v1.UserEvent";
const POINT_TYPE: &str = "banyan.levels.v1.PointType";
const CREATE: &str = "banyan.levels.v1.CreatePointTypeRequest";
const FORM_ROW: &str = "banyan.levels.v1.FormRow";
const TEXT: &str = "banyan.common.v1.LocalizedText";
const EARN: &str = "banyan.levels.v1.EarnRequest";

fn event() -> Value {
    json!({"event_id": "e", "user_id": "u", "occurred_at": "2026-01-01T00:00:00Z", "visit": {"duration_seconds": 1}})
}

fn create() -> Value {
    json!({"request_id": "r", "point_type": point_type()})
}

fn form_row() -> Value {
    json!({"field": "order.total_minor", "operator": "OPERATOR_AT_LEAST", "value": "100"})
}

fn point_type() -> Value {
    json!({
        "point_type_id": "points", "display_name": {"texts": {"zh": "积分"}}, "expiry_policy": "EXPIRY_POLICY_DAYS",
        "expiry_count": 365, "reversal_policy": "REVERSAL_POLICY_DOWN_TO_ZERO", "zone": "Asia/Shanghai",
    })
}

fn text() -> Value {
    json!({"texts": {"zh-Hant": "積分"}})
}

fn earn() -> Value {
    json!({"request_id": "r", "user_id": "u", "point_type_id": "points", "amount": 1})
}

/// The message with the value at the path replaced, or removed where it is null.
fn with(mut message: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let object = message.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(object.remove(name)),
        value => drop(object.insert(name.to_owned(), value)),
    }
    message
}

#[test]
fn messages_that_keep_all_rules_pass() {
    for (name, message) in
        [(USER_EVENT, event()), (CREATE, create()), (FORM_ROW, form_row()), (TEXT, text()), (EARN, earn())]
    {
        assert_eq!(violations(name, &message), Vec::<String>::new(), "{name}");
    }
}

type Case = (&'static str, Value, &'static str, Value, Value, &'static str);

/// Message, its content, a path in it, a value at the limit, one beyond, and what is then wrong.
fn event_cases() -> Vec<Case> {
    let chars = |count: usize| json!("长".repeat(count));
    let bytes = |count: usize| json!("a".repeat(count));
    vec![
        (USER_EVENT, event(), "/event_id", json!("e"), json!(""), "event_id: must not be empty"),
        (USER_EVENT, event(), "/event_id", chars(128), chars(129), "event_id: must be at most 128 characters, is 129"),
        (USER_EVENT, event(), "/user_id", bytes(128), bytes(129), "user_id: must be at most 128 bytes, is 129"),
        (USER_EVENT, event(), "/user_id", chars(42), chars(43), "user_id: must be at most 128 bytes, is 129"),
        (USER_EVENT, event(), "/user_id", json!("\u{1}"), json!("u\0"), "user_id: must not contain a NUL character"),
        (USER_EVENT, event(), "/site", json!(""), json!("\0"), "site: must not contain a NUL character"),
        (USER_EVENT, event(), "/occurred_at", json!("1970-01-01T00:00:00Z"), Value::Null, "occurred_at: is required"),
        (
            USER_EVENT,
            event(),
            "/occurred_at",
            json!("1970-01-01T00:00:00Z"),
            json!("1969-12-31T23:59:59.999999999Z"),
            "occurred_at: must be at or after 1970-01-01T00:00:00Z, is 1969-12-31T23:59:59.999999999Z",
        ),
        (
            USER_EVENT,
            event(),
            "/visit",
            json!({}),
            Value::Null,
            "report: one of order_created, order_paid, order_completed, order_cancelled, order_refunded, visit must be set",
        ),
        (
            USER_EVENT,
            event(),
            "/visit/duration_seconds",
            json!(86_400),
            json!(86_401),
            "visit.duration_seconds: must be at most 86400, is 86401",
        ),
        (
            USER_EVENT,
            event(),
            "/visit/duration_seconds",
            json!(0),
            json!(-1),
            "visit.duration_seconds: must be at least 0, is -1",
        ),
    ]
}

fn level_cases() -> Vec<Case> {
    let chars = |count: usize| json!("长".repeat(count));
    let bytes = |count: usize| json!("a".repeat(count));
    let many = |count: usize| (0..count).map(|i| (format!("ln-{i}"), json!("x"))).collect::<serde_json::Map<_, _>>();
    vec![
        (CREATE, create(), "/point_type", point_type(), Value::Null, "point_type: is required"),
        (POINT_TYPE, point_type(), "/display_name", text(), json!({}), "display_name.texts: must not be empty"),
        (
            POINT_TYPE,
            point_type(),
            "/point_type_id",
            bytes(63),
            bytes(64),
            "point_type_id: must match ^[a-z0-9][a-z0-9_-]{0,62}$",
        ),
        (
            POINT_TYPE,
            point_type(),
            "/point_type_id",
            json!("a"),
            json!("a\n"),
            "point_type_id: must match ^[a-z0-9][a-z0-9_-]{0,62}$",
        ),
        (FORM_ROW, form_row(), "/operator", json!(7), json!(0), "operator: must not be OPERATOR_UNSPECIFIED"),
        (
            POINT_TYPE,
            point_type(),
            "/expiry_policy",
            json!(8),
            json!(9),
            "expiry_policy: must be a value of ExpiryPolicy, is 9",
        ),
        (TEXT, text(), "/texts", json!({"en": "x"}), json!({}), "texts: must not be empty"),
        (TEXT, text(), "/texts", json!(many(20)), json!(many(21)), "texts: must have at most 20 entries, has 21"),
        (
            TEXT,
            text(),
            "/texts/zh",
            chars(1000),
            chars(1001),
            "texts[\"zh\"]: must be at most 1000 characters, is 1001",
        ),
        (TEXT, text(), "/texts/zh", json!("x"), json!(""), "texts[\"zh\"]: must not be empty"),
        (TEXT, text(), "/texts/zh", json!("x"), json!("x\0"), "texts[\"zh\"]: must not contain a NUL character"),
        (
            TEXT,
            text(),
            "/texts",
            json!({"abcdefgh-12345678": "x"}),
            json!({"abcdefghi": "x"}),
            "texts[\"abcdefghi\"]: the key must match ^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        ),
        (EARN, earn(), "/amount", json!(1), json!(0), "amount: must be at least 1, is 0"),
        (
            EARN,
            earn(),
            "/amount",
            json!(1_000_000_000_000_i64),
            json!(1_000_000_000_001_i64),
            "amount: must be at most 1000000000000, is 1000000000001",
        ),
    ]
}

#[test]
fn values_at_the_limit_pass_and_one_beyond_is_named() {
    for (message, content, path, good, bad, want) in event_cases().into_iter().chain(level_cases()) {
        let at_limit = violations(message, &with(content.clone(), path, good.clone()));
        assert_eq!(at_limit, Vec::<String>::new(), "{message}{path} = {good}");
        assert_eq!(violations(message, &with(content, path, bad.clone())), [want], "{message}{path} = {bad}");
    }
}

#[test]
fn a_nul_in_a_map_key_is_found() {
    let found = violations(TEXT, &json!({"texts": {"e\0n": "x"}}));
    assert_eq!(found[0], "texts[\"e\\0n\"]: the key must not contain a NUL character");
}

#[test]
fn all_violations_are_reported_at_once_with_paths_into_lists_and_oneofs() {
    let yuan = json!({"currency_code": "CNY", "units": 1});
    let line = json!({"line_id": "1", "quantity": 1, "paid": yuan});
    let bad_line = json!({"line_id": "", "quantity": 0, "discounts": [{"funder": 1}, {"amount": yuan}]});
    let order = json!({"order_id": "o", "total": yuan, "lines": [line, line, bad_line]});
    let event = json!({"event_id": "", "user_id": "u", "order_created": {"order": order}});
    let found = violations("banyan.profiles.v1.RecordEventRequest", &json!({ "event": event }));
    let want = [
        "event.event_id: must not be empty",
        "event.occurred_at: is required",
        "event.order_created.order.lines[2].line_id: must not be empty",
        "event.order_created.order.lines[2].quantity: must be at least 1, is 0",
        "event.order_created.order.lines[2].paid: is required",
        "event.order_created.order.lines[2].discounts[0].amount: is required",
        "event.order_created.order.lines[2].discounts[1].funder: must not be FUNDER_UNSPECIFIED",
    ];
    assert_eq!(found, want);
}

#[test]
fn items_and_durations_have_their_limits() {
    let pull = |cursors: usize, types: &[&str], wait: &str| {
        let cursors = vec![json!({"partition": 31}); cursors];
        violations(
            "banyan.events.v1.PullRequest",
            &json!({
                "service": "levels", "consumer": "c", "cursors": cursors, "types": types, "wait": wait,
            }),
        )
    };
    let none: [&str; 0] = [];
    assert_eq!(pull(1, &[], "0s"), none);
    assert_eq!(pull(32, &["a"], "2.5s"), none);
    assert_eq!(pull(33, &[], "0s"), ["cursors: must have at most 32 items, has 33"]);
    assert_eq!(pull(0, &[], "0s"), ["cursors: must not be empty"]);
    assert_eq!(pull(1, &["a", ""], "0s"), ["types[1]: must not be empty"]);
    assert_eq!(pull(1, &[], "-0.5s"), ["wait: must be at least 0 s, is -0.5 s"]);
}

#[test]
fn a_text_from_a_fixed_list_is_compared_whole() {
    let position = |source: &str| violations("banyan.common.v1.Position", &json!({"source": source, "seq": 1}));
    assert_eq!(position("levels"), Vec::<String>::new());
    for other in ["", "Levels", "level", "levels "] {
        assert_eq!(position(other), ["source: must be one of profiles, levels, incentives, feedback"], "{other:?}");
    }
}
