//! A dry run tells what an event would give, and changes nothing.

use eventlog::Draft;
use levels::domain::cap::{Cap, Period, Scope, Used};
use levels::domain::earning::Happening;
use levels::domain::trial::Trial;
use levels::queries::{AskedDryRun, AskedEvent};
use proto::admin::v1 as admin;
use proto::common::v1::Position;
use proto::events::v1::{FactValue, Facts, fact_value};
use proto::levels::v1 as pb;
use proto::levels::v1::Verdict;
use proto::profiles::v1 as profiles;
use status::{reason_of, violations_of};
use time::OffsetDateTime;
use tonic::Code;

use crate::api::{point_type, rule, scheme};
use crate::consumer::{Server, server};
use crate::stage::{Events, order, rule as stage_rule, stage, user};

fn asked(total_minor: i64) -> pb::DryRunEarningRequest {
    let text = |text: &str| FactValue { value: Some(fact_value::Value::Text(text.to_owned())) };
    pb::DryRunEarningRequest {
        user_id: "u".into(),
        event_type: "order.completed".into(),
        order: order("tried", total_minor),
        facts: Some(Facts { values: [("user.stage".to_owned(), text("repeat"))].into() }),
        ..Default::default()
    }
}

async fn tried(server: &Server, asked: pb::DryRunEarningRequest) -> Vec<pb::RuleTrial> {
    server.rules().dry_run_earning(asked).await.unwrap().into_inner().rules
}

async fn publish(server: &Server, id: &str, formula: &str, change: impl FnOnce(&mut pb::EarningRule)) {
    let mut request = rule(id, "points", formula);
    change(request.rule.as_mut().unwrap());
    server.rules().publish_earning_rule(request).await.unwrap();
}

fn expression(text: &str) -> Option<pb::earning_rule::Condition> {
    Some(pb::earning_rule::Condition::Expression(text.to_owned()))
}

#[tokio::test]
async fn each_rule_says_what_it_would_give_and_why_not() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.points().create_point_type(point_type("growth", false)).await.unwrap();
    server.levels().publish_scheme(scheme("vip", &[0, 10])).await.unwrap();
    let daily =
        pb::Cap { scope: pb::CapScope::User.into(), period: pb::CapPeriod::Ever.into(), points_max: 40, times_max: 0 };
    let multiplier = |text: &str| pb::Multiplier {
        condition: Some(pb::multiplier::Condition::Expression(text.to_owned())),
        factor_basis_points: 20_000,
    };
    publish(&server, "capped", "order.total_minor / 300", |it| {
        it.caps = vec![daily];
        it.multipliers = vec![multiplier("user.stage == 'repeat'"), multiplier("level.rank >= 1")];
    })
    .await;
    publish(&server, "group-a", "1", |it| (it.group, it.priority) = ("g".into(), 2)).await;
    publish(&server, "group-b", "9", |it| (it.group, it.priority) = ("g".into(), 1)).await;
    publish(&server, "no-condition", "1", |it| it.condition = expression("user.orders < 3")).await;
    publish(&server, "no-value", "1 / user.orders", |_| {}).await;
    publish(&server, "nothing", "0", |_| {}).await;
    publish(&server, "over", "1", |it| it.valid_until = Some(prost_types::Timestamp { seconds: 1, nanos: 0 })).await;
    publish(&server, "paused", "1", |it| it.paused = true).await;
    publish(&server, "visits", "1", |it| it.event_type = "user.visited".into()).await;

    let trials = tried(&server, asked(10_000)).await;
    let verdicts: Vec<_> =
        trials.iter().map(|it| (it.rule_id.as_str(), it.verdict(), it.given, it.cause.as_str())).collect();
    assert_eq!(
        verdicts,
        [
            ("capped", Verdict::Gives, 40, ""),
            ("group-a", Verdict::Gives, 1, ""),
            ("group-b", Verdict::MakesWay, 0, ""),
            ("no-condition", Verdict::ConditionFalse, 0, "user.orders has no value"),
            ("no-value", Verdict::NoValue, 0, "user.orders has no value"),
            ("nothing", Verdict::Nothing, 0, ""),
            ("over", Verdict::NotValid, 0, ""),
            ("paused", Verdict::Paused, 0, ""),
        ]
    );
    let (capped, makes_way) = (&trials[0], &trials[2]);
    assert_eq!((capped.formula_value.as_str(), capped.asked), ("100/3", 66));
    assert_eq!(capped.multipliers.iter().map(|it| it.holds).collect::<Vec<_>>(), [true, false]);
    let cap = &capped.caps[0];
    assert_eq!((cap.cap, cap.points_used, cap.cuts, cap.frees_at), (Some(daily), 0, true, None));
    assert_eq!(makes_way.makes_way_for, "group-a");

    assert_eq!(tried(&server, asked(10_000)).await, trials, "nothing was given, and nothing of the cap is used");
    let ledger = server.points().verify_ledger(pb::VerifyLedgerRequest::default()).await.unwrap().into_inner();
    assert_eq!((ledger.accounts, ledger.entries), (0, 0));
    server.end().await;
}

#[tokio::test]
async fn a_draft_is_tried_in_place_of_its_rule() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    publish(&server, "r", "1", |_| {}).await;
    let draft = |id: &str, formula: &str| rule(id, "points", formula).rule;
    let versions = |trials: Vec<pb::RuleTrial>| {
        trials.into_iter().map(|it| (it.rule_id, it.version, it.given)).collect::<Vec<_>>()
    };
    let trials = tried(&server, pb::DryRunEarningRequest { draft: draft("r", "7"), ..asked(100) }).await;
    assert_eq!(versions(trials), [("r".to_owned(), 0, 7)]);
    let trials = tried(&server, pb::DryRunEarningRequest { draft: draft("a", "order.lines"), ..asked(100) }).await;
    assert_eq!(versions(trials), [("a".to_owned(), 0, 0), ("r".to_owned(), 1, 1)]);

    let bad = pb::DryRunEarningRequest { draft: draft("r", "1 +"), order: None, ..asked(100) };
    let status = server.rules().dry_run_earning(bad).await.unwrap_err();
    let fields: Vec<_> = violations_of(&status).iter().map(|it| it.0.clone()).collect();
    assert_eq!(fields, ["order", "draft.formula"]);
    let mut wrong = asked(-1);
    let it = wrong.order.as_mut().unwrap();
    it.freight = Some(units::money::to_proto(1, "USD"));
    let status = server.rules().dry_run_earning(wrong).await.unwrap_err();
    let fields: Vec<_> = violations_of(&status).iter().map(|it| it.0.clone()).collect();
    assert_eq!(fields, ["order.freight", "order.total"]);
    let mut nowhere = draft("r", "1");
    nowhere.as_mut().unwrap().point_type_id = "nothing".into();
    let status =
        server.rules().dry_run_earning(pb::DryRunEarningRequest { draft: nowhere, ..asked(1) }).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("POINT_TYPE_NOT_FOUND"));
    server.end().await;
}

#[tokio::test]
async fn level_caps_and_earlier_earnings_are_those_of_now() {
    let stage = stage().await;
    stage.scheme(None).await;
    stage.rule("growth", "growth", "order.completed", "order.total_minor / 100").await;
    let mut capped = stage_rule("points", "points", "order.completed", "level.rank * 100 + 1");
    capped.caps = vec![Cap { scope: Scope::AllUsers, period: Period::Day, points: Some(90), times: None }];
    stage.publish(capped).await;
    let mut events = Events::new();
    stage.apply(&[events.completed("u", "o", 10_000)]).await;
    let asked = |order_id: &str, who: &str| {
        let mut happening = Happening::default();
        happening.set("order.total_minor", 700);
        AskedDryRun {
            user: user(who),
            event_type: "order.completed".into(),
            event: AskedEvent::Described {
                occurred_at: Some(events.occurred_at),
                order_id: order_id.into(),
                currency: None,
                happening,
            },
            draft: None,
        }
    };
    let verdicts = |trials: Vec<Trial>| trials.iter().map(|it| (it.verdict, it.asked, it.given)).collect::<Vec<_>>();
    use levels::domain::trial::Verdict::{EarnedBefore, Gives};
    let again = stage.levels.dry_run_earning(&stage.tenant, asked("o", "u"), &[]).await.unwrap();
    assert_eq!(verdicts(again), [(EarnedBefore, 7, 0), (EarnedBefore, 101, 0)]);
    let other = stage.levels.dry_run_earning(&stage.tenant, asked("p", "u"), &[]).await.unwrap();
    assert_eq!(other[1].caps[0].used, Used { points: 1, times: 1 });
    assert_eq!(verdicts(other), [(Gives, 7, 7), (Gives, 101, 89)]);
    let newcomer = stage.levels.dry_run_earning(&stage.tenant, asked("o", "v"), &[]).await.unwrap();
    assert_eq!(verdicts(newcomer), [(Gives, 7, 7), (Gives, 1, 1)]);
}

#[tokio::test]
async fn a_rule_that_has_earned_keeps_the_others_of_its_group_out() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    publish(&server, "a", "5", |it| (it.group, it.priority) = ("g".into(), 2)).await;
    publish(&server, "b", "9", |it| (it.group, it.priority) = ("g".into(), 1)).await;
    let event = completed("u", "o", 1_000);
    let place = server.tell(&[event]).await;
    let again = pb::DryRunEarningRequest { order: order("o", 1_000), at_least: vec![place], ..asked(1_000) };
    let trials = tried(&server, again).await;
    let verdicts: Vec<_> = trials.iter().map(|it| (it.verdict(), it.makes_way_for.as_str())).collect();
    assert_eq!(verdicts, [(Verdict::EarnedBefore, ""), (Verdict::MakesWay, "a")]);
    server.end().await;
}

fn completed(who: &str, order_id: &str, total_minor: i64) -> Draft {
    let payload = profiles::OrderCompleted { order: order(order_id, total_minor), first_order: true };
    let id = ids::EventId::new(format!("{who}/{order_id}")).unwrap();
    let stage = FactValue { value: Some(fact_value::Value::Text("new".to_owned())) };
    let facts = Facts { values: [("user.stage".to_owned(), stage)].into() };
    Draft::new(who, id, &payload, OffsetDateTime::now_utc()).facts(facts)
}

#[tokio::test]
async fn an_event_is_tried_by_its_place_in_profiles_log() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    let places =
        [server.tell(&[completed("小林", "o", 1_000)]).await, server.tell(&[completed("小林", "p", 700)]).await];
    let waited = pb::GetBalanceRequest {
        user_id: "小林".into(),
        point_type_id: "points".into(),
        at_least: vec![places[1].clone()],
        ..Default::default()
    };
    server.points().get_balance(waited).await.unwrap();
    let by_stage = "user.stage == 'new' && order.first ? order.total_minor / 100 : 0";
    publish(&server, "r", by_stage, |_| {}).await;
    let at = |place: &Position| pb::DryRunEarningRequest {
        user_id: "小林".into(),
        event_type: "order.completed".into(),
        told_at: Some(place.clone()),
        ..Default::default()
    };
    for (place, points) in places.iter().zip([10, 7]) {
        let trials = tried(&server, at(place)).await;
        assert_eq!(trials.iter().map(|it| (it.verdict(), it.given)).collect::<Vec<_>>(), [(Verdict::Gives, points)]);
    }
    let refused = async |asked: pb::DryRunEarningRequest| server.rules().dry_run_earning(asked).await.unwrap_err();
    let beyond = Position { seq: places[1].seq + 1, ..places[1].clone() };
    let other_partition = Position { partition: (places[0].partition + 1) % 32, ..places[0].clone() };
    let nothing = [
        at(&beyond),
        at(&other_partition),
        pb::DryRunEarningRequest { user_id: "小王".into(), ..at(&places[0]) },
        pb::DryRunEarningRequest { event_type: "order.paid".into(), ..at(&places[0]) },
    ];
    for asked in nothing {
        let status = refused(asked).await;
        assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::NotFound, Some("EVENT_NOT_FOUND")));
    }
    let both = pb::DryRunEarningRequest { told_at: Some(places[0].clone()), ..asked(1) };
    let fields: Vec<_> = violations_of(&refused(both).await).into_iter().map(|it| it.0).collect();
    assert_eq!(fields, ["order", "facts"]);
    let elsewhere = Position { source: "levels".into(), ..places[0].clone() };
    assert_eq!(violations_of(&refused(at(&elsewhere)).await)[0].0, "told_at.source");
    server.end().await;
}

#[tokio::test]
async fn a_visit_that_has_earned_says_so_by_its_place() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    publish(&server, "r", "1", |it| it.event_type = "user.visited".into()).await;
    let id = ids::EventId::new("v").unwrap();
    let visit = Draft::new("u", id, &profiles::UserVisited { duration_seconds: 9 }, OffsetDateTime::now_utc());
    let place = server.tell(&[visit]).await;
    let asked = pb::DryRunEarningRequest {
        user_id: "u".into(),
        event_type: "user.visited".into(),
        told_at: Some(place.clone()),
        at_least: vec![place],
        ..Default::default()
    };
    assert_eq!(tried(&server, asked).await[0].verdict(), Verdict::EarnedBefore);
    server.end().await;
}

#[tokio::test]
async fn an_order_is_in_the_tenants_currency() {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    publish(&server, "r", "1", |_| {}).await;
    assert_eq!(tried(&server, asked(100)).await.len(), 1, "of a tenant whose currency is not known yet any will do");
    let tenant = admin::Tenant { tenant_id: "shop".into(), currency: "JPY".into(), ..Default::default() };
    let changed = profiles::TenantChanged { tenant: Some(tenant) };
    let id = ids::EventId::new("currency").unwrap();
    let place = server.tell(&[Draft::new("", id, &changed, OffsetDateTime::now_utc())]).await;
    let asked = pb::DryRunEarningRequest { at_least: vec![place], ..asked(100) };
    let status = server.rules().dry_run_earning(asked).await.unwrap_err();
    let want = ("order.total.currency_code".to_owned(), "must be the tenant's: JPY".to_owned());
    assert_eq!(violations_of(&status), [want]);
    server.end().await;
}
