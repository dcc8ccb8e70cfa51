//! The contract through a real socket.

use eventlog::Draft;
use proto::common::v1::Position;
use proto::levels::v1 as pb;
use proto::profiles::v1 as profiles;
use status::{metadata_of, reason_of};
use time::OffsetDateTime;
use tonic::Code;

use crate::consumer::{Server, server};
use crate::stage::{money, order};

fn text(en: &str) -> Option<proto::common::v1::LocalizedText> {
    Some(proto::common::v1::LocalizedText { texts: [("en".to_owned(), en.to_owned())].into(), ..Default::default() })
}

pub(crate) fn point_type(id: &str, spendable: bool) -> pb::CreatePointTypeRequest {
    let point_type = pb::PointType {
        point_type_id: id.to_owned(),
        display_name: text(id),
        spendable,
        activation_policy: pb::ActivationPolicy::AtOnce.into(),
        expiry_policy: pb::ExpiryPolicy::Never.into(),
        reversal_policy: pb::ReversalPolicy::DownToZero.into(),
        rounding: pb::Rounding::Down.into(),
        zone: "Asia/Shanghai".to_owned(),
        ..Default::default()
    };
    pb::CreatePointTypeRequest { request_id: format!("type-{id}"), point_type: Some(point_type), validate_only: false }
}

pub(crate) fn scheme(id: &str, thresholds: &[i64]) -> pb::PublishSchemeRequest {
    let level = |(rank, threshold): (usize, &i64)| pb::Level {
        rank: rank as i32,
        display_name: text("level"),
        threshold: *threshold,
        ..Default::default()
    };
    let scheme = pb::Scheme {
        scheme_id: id.to_owned(),
        display_name: text(id),
        point_type_id: "growth".to_owned(),
        levels: thresholds.iter().enumerate().map(level).collect(),
        ..Default::default()
    };
    pb::PublishSchemeRequest {
        request_id: format!("scheme-{id}-{thresholds:?}"),
        scheme: Some(scheme),
        validate_only: false,
    }
}

pub(crate) fn rule(id: &str, point_type: &str, formula: &str) -> pb::PublishEarningRuleRequest {
    let rule = pb::EarningRule {
        rule_id: id.to_owned(),
        point_type_id: point_type.to_owned(),
        event_type: "order.completed".to_owned(),
        formula: formula.to_owned(),
        ..Default::default()
    };
    pb::PublishEarningRuleRequest { request_id: format!("rule-{id}-{formula}"), rule: Some(rule), validate_only: false }
}

pub(crate) fn earn(user: &str, amount: i64, id: &str) -> pb::EarnRequest {
    pb::EarnRequest {
        request_id: id.to_owned(),
        user_id: user.to_owned(),
        point_type_id: "points".to_owned(),
        amount,
        ..Default::default()
    }
}

async fn shop() -> Server {
    let server = server().await;
    let mut points = server.points();
    points.create_point_type(point_type("points", true)).await.unwrap();
    points.create_point_type(point_type("growth", false)).await.unwrap();
    server.rules().publish_earning_rule(rule("points", "points", "order.total_minor / 100")).await.unwrap();
    server.rules().publish_earning_rule(rule("growth", "growth", "order.total_minor / 100")).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 100, 1_000])).await.unwrap();
    server
}

#[tokio::test]
async fn an_order_in_profiles_log_becomes_points_and_a_level_that_a_read_with_its_position_shows() {
    let server = shop().await;
    let (now, payload) =
        (OffsetDateTime::now_utc(), profiles::OrderCompleted { order: order("o", 15_000), first_order: true });
    let id = ids::EventId::new("o/completed").unwrap();
    let position = server.tell(&[Draft::new("u", id, &payload, now).site("app")]).await;
    let request = pb::GetBalanceRequest {
        user_id: "u".to_owned(),
        point_type_id: "points".to_owned(),
        at_least: vec![position.clone()],
        ..Default::default()
    };
    let balance = server.points().get_balance(request).await.unwrap().into_inner();
    assert_eq!((balance.available, balance.growth), (150, 150));
    let request =
        pb::GetMemberRequest { user_id: "u".to_owned(), scheme_id: "vip".to_owned(), at_least: vec![position.clone()] };
    let member = server.levels().get_member(request).await.unwrap().into_inner().member.unwrap();
    assert_eq!((member.level.unwrap().rank, member.growth, member.missing), (1, 150, 850));

    let told = server.told().await;
    let kinds: Vec<_> = told.iter().filter(|event| event.user_id == "u").map(|event| event.r#type.as_str()).collect();
    assert_eq!(kinds, ["points.posted", "points.posted", "level.moved"]);
    let moved = told.iter().find(|event| event.r#type == "level.moved").unwrap();
    let cause = moved.cause.as_ref().unwrap();
    assert_eq!((cause.source.as_str(), cause.partition, cause.seq), ("profiles", position.partition, position.seq));
    assert_eq!((moved.hops, moved.root_event_id.as_str(), moved.site.as_str()), (1, "o/completed", "app"));
    let facts = &moved.facts.as_ref().unwrap().values;
    assert_eq!(facts.keys().collect::<Vec<_>>(), ["level.rank", "level.scheme"]);

    let refund =
        profiles::Refund { refund_id: "r".into(), order_id: "o".into(), amount: money(15_000), ..Default::default() };
    let payload =
        profiles::OrderRefunded { refund: Some(refund), refunded_total: money(15_000), order_total: money(15_000) };
    let position = server.tell(&[Draft::new("u", ids::EventId::new("o/r").unwrap(), &payload, now)]).await;
    let request =
        pb::GetMemberRequest { user_id: "u".to_owned(), scheme_id: "vip".to_owned(), at_least: vec![position] };
    let member = server.levels().get_member(request).await.unwrap().into_inner().member.unwrap();
    assert_eq!((member.level.unwrap().rank, member.growth), (0, 0));
    let request =
        pb::ListLevelMovesRequest { user_id: "u".into(), scheme_id: "vip".into(), page_size: 1, ..Default::default() };
    let page = server.levels().list_level_moves(request.clone()).await.unwrap().into_inner();
    assert_eq!(page.moves[0].cause(), pb::MoveCause::Reversed);
    let next = pb::ListLevelMovesRequest { page_token: page.next_page_token, ..request };
    let page = server.levels().list_level_moves(next).await.unwrap().into_inner();
    assert_eq!((page.moves[0].cause(), page.next_page_token.as_str()), (pb::MoveCause::Earned, ""));
    let counts = server
        .levels()
        .count_members(pb::CountMembersRequest { scheme_id: "vip".into(), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(counts.into_inner().levels.iter().map(|count| count.members).collect::<Vec<_>>(), [1, 0, 0]);
    server.end().await;
}

#[tokio::test]
async fn a_write_answers_its_place_in_the_log_and_a_repeat_answers_the_same_with_a_mark() {
    let server = shop().await;
    let first = server.points().earn(earn("u", 10, "1")).await.unwrap();
    assert!(!first.metadata().contains_key(rt::REPLAYED_TRAILER));
    let again = server.points().earn(earn("u", 10, "1")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    let (first, again) = (first.into_inner(), again.into_inner());
    assert_eq!(first, again);
    let position = first.position.unwrap();
    assert_eq!((position.source.as_str(), position.seq > 0), ("levels", true));
    let request = pb::GetBalanceRequest {
        user_id: "u".into(),
        point_type_id: "points".into(),
        at_least: vec![position],
        ..Default::default()
    };
    assert_eq!(server.points().get_balance(request).await.unwrap().into_inner().available, 10);

    let spend = pb::SpendRequest {
        request_id: "2".into(),
        user_id: "u".into(),
        point_type_id: "points".into(),
        amount: 11,
        ..Default::default()
    };
    let refused = server.points().spend(spend.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("BALANCE_SHORT")));
    let metadata = metadata_of(&refused);
    assert_eq!((metadata["available"].as_str(), metadata["amount"].as_str()), ("10", "11"));
    server.points().earn(earn("u", 10, "3")).await.unwrap();
    let again = server.points().spend(spend.clone()).await.unwrap_err();
    assert_eq!(reason_of(&again).as_deref(), Some("BALANCE_SHORT"));
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    let reused = server.points().spend(pb::SpendRequest { amount: 1, ..spend }).await.unwrap_err();
    assert_eq!((reused.code(), reason_of(&reused).as_deref()), (Code::AlreadyExists, Some("REQUEST_ID_REUSED")));
    server.end().await;
}

#[tokio::test]
async fn lists_are_paged_by_tokens_that_belong_to_them() {
    let server = shop().await;
    for n in 1..=5 {
        server.points().earn(earn("u", n, &n.to_string())).await.unwrap();
    }
    let list = |token: &str, user: &str| pb::ListEntriesRequest {
        user_id: user.to_owned(),
        point_type_id: "points".into(),
        page_size: 2,
        page_token: token.to_owned(),
        ..Default::default()
    };
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = server.points().list_entries(list(&token, "u")).await.unwrap().into_inner();
        seen.extend(page.entries.iter().map(|entry| entry.amount));
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    for (token, user) in [(token.as_str(), "v"), ("nonsense", "u")] {
        let refused = server.points().list_entries(list(token, user)).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason_of(&refused).as_deref()),
            (Code::InvalidArgument, Some("PAGE_TOKEN_INVALID"))
        );
    }
    let types = pb::ListPointTypesRequest { page_size: 1, ..Default::default() };
    let page = server.points().list_point_types(types).await.unwrap().into_inner();
    assert_eq!(page.point_types[0].point_type_id, "growth");
    let next = pb::ListPointTypesRequest { page_size: 1, page_token: page.next_page_token };
    let page = server.points().list_point_types(next).await.unwrap().into_inner();
    assert_eq!((page.point_types[0].point_type_id.as_str(), page.next_page_token.as_str()), ("points", ""));
    let rules = server.rules().list_earning_rules(pb::ListEarningRulesRequest::default()).await.unwrap().into_inner();
    assert_eq!(rules.rules.iter().map(|rule| rule.rule_id.as_str()).collect::<Vec<_>>(), ["growth", "points"]);
    let audit =
        server.points().verify_ledger(pb::VerifyLedgerRequest { page_size: 1, ..Default::default() }).await.unwrap();
    assert_eq!((audit.get_ref().accounts, audit.get_ref().entries), (1, 5));
    server.end().await;
}

#[tokio::test]
async fn a_programme_is_published_in_versions_and_read_back() {
    let server = shop().await;
    let second = server.rules().publish_earning_rule(rule("points", "points", "order.lines")).await.unwrap();
    assert_eq!(second.into_inner().rule.unwrap().version, 2);
    let rule = server.rules().get_earning_rule(pb::GetEarningRuleRequest { rule_id: "points".into() }).await.unwrap();
    assert_eq!(rule.into_inner().rule.unwrap().formula, "order.lines");
    let third = server.levels().publish_scheme(scheme("vip", &[0, 50])).await.unwrap().into_inner();
    assert_eq!(third.scheme.unwrap().version, 2);
    let read = server.levels().get_scheme(pb::GetSchemeRequest { scheme_id: "vip".into() }).await.unwrap();
    let newest = read.into_inner().scheme.unwrap();
    assert_eq!(newest.levels[1].threshold, 50);
    let listed = server.levels().list_schemes(pb::ListSchemesRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed, pb::ListSchemesResponse { schemes: vec![newest], next_page_token: String::new() });
    for n in 1..20 {
        server.levels().publish_scheme(scheme(&format!("other-{n}"), &[0])).await.unwrap();
    }
    let refused = server.levels().publish_scheme(scheme("one-more", &[0])).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("SCHEME_LIMIT")));
    let mut again = point_type("points", false);
    again.request_id = "again".into();
    let refused = server.points().create_point_type(again).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::AlreadyExists, Some("POINT_TYPE_EXISTS")));
    let circulation = pb::GetCirculationRequest { point_type_id: "points".into(), ..Default::default() };
    assert_eq!(server.points().get_circulation(circulation).await.unwrap().into_inner().in_circulation, 0);
    server.end().await;
}

#[tokio::test]
async fn a_read_that_asks_for_more_than_there_is_waits_and_says_so() {
    let server = shop().await;
    let position = Position { source: "profiles".into(), partition: 3, seq: 999 };
    let request = pb::GetBalanceRequest {
        user_id: "u".into(),
        point_type_id: "points".into(),
        at_least: vec![position],
        ..Default::default()
    };
    let mut request = tonic::Request::new(request);
    request.set_timeout(std::time::Duration::from_millis(400));
    let refused = server.points().get_balance(request).await.unwrap_err();
    assert!(matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded), "{refused:?}");
    server.end().await;
}
