use validate::{UnsupportedRule, Validator};

use crate::support::compile;

fn refused(definitions: &str) -> UnsupportedRule {
    match Validator::new(&compile(definitions)) {
        Err(error) => error,
        Ok(_) => panic!("{definitions} was accepted"),
    }
}

#[test]
fn every_rule_of_the_contracts_is_supported() {
    assert!(Validator::new(&proto::POOL).is_ok());
}

#[test]
fn a_rule_that_cannot_be_enforced_stops_construction() {
    let cases = [
        ("string v = 1 [(buf.validate.field).string.email = true]", "string.email"),
        ("string v = 1 [(buf.validate.field).string.uuid = true]", "string.uuid"),
        ("string v = 1 [(buf.validate.field).cel = {id: 'x' expression: 'true'}]", "cel"),
        ("string v = 1 [(buf.validate.field).cel_expression = 'true']", "cel_expression"),
        ("string v = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]", "ignore"),
        ("bytes v = 1 [(buf.validate.field).bytes.prefix = 'a']", "bytes.prefix"),
        ("bool v = 1 [(buf.validate.field).bool.const = true]", "bool"),
        ("double v = 1 [(buf.validate.field).double.gt = 0]", "double"),
        ("google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp.lt_now = true]", "timestamp.lt_now"),
        ("google.protobuf.Timestamp v = 1 [(buf.validate.field).timestamp.within = {seconds: 1}]", "timestamp.within"),
        ("google.protobuf.FieldMask v = 1 [(buf.validate.field).field_mask = {in: ['a']}]", "field_mask"),
        ("repeated M v = 1 [(buf.validate.field).repeated.unique = true]", "repeated.unique"),
        ("repeated string v = 1 [(buf.validate.field).repeated.items.string.ip = true]", "repeated.items.string.ip"),
        ("repeated string v = 1 [(buf.validate.field).repeated.items.required = true]", "repeated.items.required"),
        ("map<string, string> v = 1 [(buf.validate.field).map.values.string.ip = true]", "map.values.string.ip"),
        ("string v = 1 [(buf.validate.field).int32.gt = 1]", "int32"),
        ("int64 v = 1 [(buf.validate.field).int32.gt = 1]", "int32"),
        ("repeated string v = 1 [(buf.validate.field).string.min_len = 1]", "string"),
        ("string v = 1 [(buf.validate.field).string.pattern = '(']", "string.pattern"),
        ("string v = 1 [(buf.validate.field).string.pattern = '^\\\\d+$']", "string.pattern"),
        ("string v = 1 [(buf.validate.field).string = {min_len: 3 max_len: 2}]", "string.min_len"),
        ("string v = 1 [(buf.validate.field).string = {len: 3 max_len: 4}]", "string.len"),
        ("int32 v = 1 [(buf.validate.field).int32 = {gt: 3 lt: 2}]", "int32.(limits)"),
        ("int32 v = 1 [(buf.validate.field).int32 = {gt: 2 lte: 2}]", "int32.(limits)"),
    ];
    for (field, rule) in cases {
        let found = refused(&format!("message M {{ {field}; }}"));
        assert_eq!((found.element.as_str(), found.rule.as_str()), ("test.M.v", rule), "{field}");
    }
}

#[test]
fn a_rule_of_a_whole_message_stops_construction() {
    let found = refused("message M { option (buf.validate.message).cel = {id: 'x' expression: 'true'}; int32 v = 1; }");
    assert_eq!((found.element.as_str(), found.rule.as_str()), ("test.M", "cel"));
}

#[test]
fn a_rule_that_the_contracts_define_themselves_stops_construction() {
    let found = refused(
        "extend buf.validate.StringRules { optional bool shout = 80048952 [(buf.validate.predefined).cel = {
            id: 'shout' expression: 'this == this'}]; }
        message M { string v = 1 [(buf.validate.field).string.(shout) = true]; }",
    );
    assert_eq!((found.element.as_str(), found.rule.as_str()), ("test.M.v", "string.(extension)"));
}

#[test]
fn an_example_is_no_rule() {
    assert!(
        Validator::new(&compile("message M { string v = 1 [(buf.validate.field).string.example = 'a']; }")).is_ok()
    );
}

#[test]
fn a_message_that_is_not_of_the_contracts_is_not_waved_through() {
    let validator = Validator::new(&compile("message M { string v = 1; }")).unwrap();
    let other = compile("message N { string v = 1; }").get_message_by_name("test.N").unwrap();
    assert_eq!(validator.check(&prost_reflect::DynamicMessage::new(other)).len(), 1);
}
