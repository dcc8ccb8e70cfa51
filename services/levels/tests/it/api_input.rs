//! Input that is wrong gets a precise answer and changes nothing.

use proto::levels::v1 as pb;
use status::{reason_of, violations_of};
use tonic::Code;

use crate::api::{earn, point_type, rule, scheme};
use crate::consumer::{Server, server};

#[track_caller]
fn fields(status: &tonic::Status) -> Vec<String> {
    assert_eq!(
        (status.code(), reason_of(status).as_deref()),
        (Code::InvalidArgument, Some("FIELDS_INVALID")),
        "{status:?}"
    );
    violations_of(status).iter().map(|violation| violation.0.clone()).collect()
}

async fn entries(server: &Server) -> i64 {
    server.points().verify_ledger(pb::VerifyLedgerRequest::default()).await.unwrap().into_inner().entries
}

#[tokio::test]
async fn malformed_earnings_name_every_field() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let far = prost_types::Timestamp { seconds: 4_102_444_800, nanos: 0 };
    let cases: Vec<(pb::EarnRequest, Vec<&str>)> = vec![
        (earn("", 1, "1"), vec!["user_id"]),
        (earn("u", 0, "1"), vec!["amount"]),
        (earn("u", -5, ""), vec!["request_id", "amount"]),
        (earn("u", 1_000_000_000_001, "1"), vec!["amount"]),
        (earn("u\0", 1, "1"), vec!["user_id"]),
        (pb::EarnRequest { occurred_at: Some(far), ..earn("u", 1, "1") }, vec!["occurred_at"]),
        (pb::EarnRequest { point_type_id: "Not A Key".into(), ..earn("u", 1, "1") }, vec!["point_type_id"]),
        (earn(&"u".repeat(129), 1, &"r".repeat(129)), vec!["request_id", "user_id"]),
    ];
    for (request, want) in cases {
        let status = server.points().earn(request.clone()).await.unwrap_err();
        assert_eq!(fields(&status), want, "{request:?}");
    }
    let unknown = pb::EarnRequest { point_type_id: "nothing".into(), ..earn("u", 1, "1") };
    let status = server.points().earn(unknown).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::NotFound, Some("POINT_TYPE_NOT_FOUND")));
    assert_eq!(entries(&server).await, 0);
    server.end().await;
}

#[tokio::test]
async fn a_rule_that_cannot_be_read_is_refused_with_position_and_cause() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let mut request = rule("r", "points", "order.totl_minor / 100");
    let expression = "order.first &&\n  visit.duration_seconds > 1".to_owned();
    request.rule.as_mut().unwrap().condition = Some(pb::earning_rule::Condition::Expression(expression));
    let status = server.rules().publish_earning_rule(request).await.unwrap_err();
    assert_eq!(fields(&status), ["rule.expression", "rule.formula"]);
    let violations: Vec<_> = violations_of(&status).iter().map(|it| it.1.clone()).collect();
    assert!(violations[0].starts_with("line 2, column 8: `visit.duration_seconds` is not offered"), "{violations:?}");
    assert!(violations[1].starts_with("line 1, column 6: `order.totl_minor` is not offered"), "{violations:?}");
    let mut form = rule("r", "points", "1");
    let row = pb::FormRow { field: "order.first".into(), operator: pb::Operator::Less.into(), value: "true".into() };
    form.rule.as_mut().unwrap().condition = Some(pb::earning_rule::Condition::Form(pb::Form { rows: vec![row] }));
    let status = server.rules().publish_earning_rule(form).await.unwrap_err();
    assert_eq!(fields(&status), ["rule.form.rows[0].operator"]);
    let status = server.rules().publish_earning_rule(rule("r", "nothing", "1")).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("POINT_TYPE_NOT_FOUND"));
    server.end().await;
}

#[tokio::test]
async fn a_rule_is_told_all_that_is_wrong_with_it_at_once() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let mut request = rule("r", "No Key", "order.totl_minor");
    let it = request.rule.as_mut().unwrap();
    it.condition = Some(pb::earning_rule::Condition::Expression("order.total_minor".to_owned()));
    it.group = "No Key".to_owned();
    let condition = Some(pb::multiplier::Condition::Expression("nothing".to_owned()));
    it.multipliers = vec![pb::Multiplier { condition, factor_basis_points: 20_000 }];
    it.valid_from = Some(prost_types::Timestamp { seconds: 2, nanos: 0 });
    it.valid_until = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
    let status = server.rules().publish_earning_rule(request).await.unwrap_err();
    let want = ["point_type_id", "valid_until", "group", "expression", "formula", "multipliers[0].expression"];
    assert_eq!(fields(&status), want.map(|field| format!("rule.{field}")));
    server.end().await;
}

#[tokio::test]
async fn a_fault_says_what_is_needed_in_its_place() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let said = |status: tonic::Status| -> Vec<String> {
        violations_of(&status).iter().map(|(field, fault)| format!("{field} {fault}")).collect()
    };
    let mut bare = point_type("other", true);
    bare.point_type.as_mut().unwrap().reversal_policy = 0;
    let status = server.points().create_point_type(bare).await.unwrap_err();
    assert_eq!(said(status), ["point_type.reversal_policy is required"]);
    let paths = ["zone", "caps", "spendable"].map(str::to_owned).into();
    let change = pb::UpdatePointTypeRequest {
        request_id: "u".into(),
        point_type: point_type("points", true).point_type,
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only: false,
    };
    let status = server.points().update_point_type(change).await.unwrap_err();
    assert!(said(status)[0].ends_with("transfers, caps; not zone, spendable"));
    let asked =
        pb::DryRunEarningRequest { user_id: "u".into(), event_type: "order.completed".into(), ..Default::default() };
    let status = server.rules().dry_run_earning(asked).await.unwrap_err();
    assert_eq!(said(status), ["order is required for order.completed"]);
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let asked = pb::ListEntriesRequest {
        user_id: "u".into(),
        point_type_id: "points".into(),
        from: time(2),
        until: time(1),
        ..Default::default()
    };
    let status = server.points().list_entries(asked).await.unwrap_err();
    assert_eq!(said(status), ["until must be after from"]);
    server.end().await;
}

#[tokio::test]
async fn caps_have_a_limit_and_stand_once_per_scope_and_period() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let cap = |points_max, times_max| pb::Cap {
        scope: pb::CapScope::User.into(),
        period: pb::CapPeriod::Day.into(),
        points_max,
        times_max,
    };
    let mut request = rule("r", "points", "1");
    request.rule.as_mut().unwrap().caps = vec![cap(0, 0), cap(5, 0)];
    let status = server.rules().publish_earning_rule(request.clone()).await.unwrap_err();
    assert_eq!(fields(&status), ["rule.caps[0].points_max", "rule.caps[1].period"]);
    request.rule.as_mut().unwrap().caps = vec![cap(5, 3)];
    let published = server.rules().publish_earning_rule(request).await.unwrap().into_inner().rule.unwrap();
    assert_eq!(published.caps, [cap(5, 3)]);
    let asked = pb::GetEarningRuleRequest { rule_id: "r".into() };
    assert_eq!(server.rules().get_earning_rule(asked).await.unwrap().into_inner().rule.unwrap(), published);
    server.end().await;
}

#[tokio::test]
async fn schemes_and_point_types_are_checked_as_a_whole() {
    let server = server().await;
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    let status = server.levels().publish_scheme(scheme("vip", &[5, 5])).await.unwrap_err();
    assert_eq!(fields(&status), ["scheme.levels[0].threshold", "scheme.levels[1].threshold"]);
    let mut endless = scheme("vip", &[0, 5]);
    endless.scheme.as_mut().unwrap().validity_months = 12;
    let status = server.levels().publish_scheme(endless).await.unwrap_err();
    assert_eq!(fields(&status), ["scheme.period_end"]);
    let mut wrong = point_type("points", true);
    let it = wrong.point_type.as_mut().unwrap();
    (it.zone, it.expiry_count) = ("Mars/Olympus".to_owned(), 3);
    let status = server.points().create_point_type(wrong).await.unwrap_err();
    assert_eq!(fields(&status), ["point_type.expiry_count", "point_type.zone"]);
    server.end().await;
}

#[tokio::test]
async fn tokens_decide_tenant_user_and_scope() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.points().earn(earn("u", 10, "1")).await.unwrap();
    let balance = |user: &str| pb::GetBalanceRequest {
        user_id: user.to_owned(),
        point_type_id: "points".into(),
        ..Default::default()
    };
    let mut foreign = server.points_of("other");
    let status = foreign.get_balance(balance("u")).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::NotFound, Some("POINT_TYPE_NOT_FOUND")));
    let mut own = server.points_of_user("u", "points.read");
    assert_eq!(own.get_balance(balance("u")).await.unwrap().into_inner().available, 10);
    let status = own.get_balance(balance("v")).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::PermissionDenied, Some("USER_NOT_ALLOWED")));
    let status = own.earn(earn("u", 1, "2")).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    server.end().await;
}

#[tokio::test]
async fn what_is_only_to_be_validated_is_answered_as_it_would_be_stored_and_leaves_nothing() {
    let server = server().await;
    let asked = pb::CreatePointTypeRequest { validate_only: true, ..point_type("growth", false) };
    let told = server.points().create_point_type(asked.clone()).await.unwrap().into_inner();
    assert_eq!((told.point_type, told.position), (asked.point_type, None));
    let asked = pb::PublishSchemeRequest { validate_only: true, ..scheme("members", &[0, 10]) };
    let told = server.levels().publish_scheme(asked.clone()).await.unwrap().into_inner();
    let mut stored = asked.scheme.unwrap();
    stored.set_basis(pb::MeasureBasis::Growth);
    stored.set_upgrade_policy(pb::UpgradePolicy::AtOnce);
    stored.set_downgrade_policy(pb::DowngradePolicy::AtReview);
    assert_eq!((told.scheme, told.position), (Some(stored), None));
    let asked = pb::PublishEarningRuleRequest { validate_only: true, ..rule("r", "growth", "1 +") };
    assert_eq!(fields(&server.rules().publish_earning_rule(asked).await.unwrap_err()), ["rule.formula"]);
    let none = server.points().list_point_types(pb::ListPointTypesRequest::default()).await.unwrap();
    assert_eq!(none.into_inner().point_types, []);
    let none = server.levels().list_schemes(pb::ListSchemesRequest::default()).await.unwrap();
    assert_eq!(none.into_inner().schemes, []);
    // the request ids are still free
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("members", &[0, 10])).await.unwrap();
    let found = server.levels().list_schemes(pb::ListSchemesRequest::default()).await.unwrap().into_inner().schemes;
    assert_eq!((found[0].scheme_id.as_str(), found[0].version), ("members", 1));
}
