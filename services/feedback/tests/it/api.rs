//! The contract through a real socket.

use eventlog::Draft;
use proto::feedback::v1 as pb;
use proto::levels::v1::{LevelMove, LevelMoved};
use status::{metadata_of, reason_of, violations_of};
use time::OffsetDateTime;
use tonic::Code;

use crate::server::{Server, server};

fn frame(start: i32, end: i32) -> pb::Frame {
    pb::Frame { start_minute: start * 60, end_minute: end * 60 }
}

pub(crate) fn policy(id: &str, frames: Vec<pb::Frame>) -> pb::PublishSlaPolicyRequest {
    let week = (1..=7).map(|weekday| pb::WorkingDay { weekday, frames: frames.clone() }).collect();
    let calendar = pb::WorkingCalendar {
        calendar_id: "desk".into(),
        zone: "Asia/Shanghai".into(),
        week,
        special_days: vec![pb::SpecialDay { date: "2026-10-01".into(), frames: vec![] }],
    };
    let target = |quadrant| pb::QuadrantTarget {
        quadrant,
        calendar_id: "desk".into(),
        first_response_minutes: 60,
        resolution_minutes: 240,
    };
    let sla_policy =
        pb::SlaPolicy { calendars: vec![calendar], targets: (1..=4).map(target).collect(), ..pb::SlaPolicy::default() };
    pb::PublishSlaPolicyRequest { request_id: id.into(), sla_policy: Some(sla_policy), validate_only: false }
}

fn submit(who: &str, id: &str) -> pb::SubmitCaseRequest {
    pb::SubmitCaseRequest {
        request_id: id.into(),
        user_id: who.into(),
        case_id: id.into(),
        kind: pb::CaseKind::Complaint.into(),
        text: "快递三天没到".into(),
        channel: "app".into(),
        ..pb::SubmitCaseRequest::default()
    }
}

fn get(who: &str, case_id: &str) -> pb::GetCaseRequest {
    pb::GetCaseRequest { user_id: who.into(), case_id: case_id.into(), at_least: vec![] }
}

fn answer(who: &str, case_id: &str, id: &str) -> pb::AnswerCaseRequest {
    pb::AnswerCaseRequest {
        request_id: id.into(),
        user_id: who.into(),
        case_id: case_id.into(),
        agent_id: "bob".into(),
        text: "马上查".into(),
        attachments: vec![],
    }
}

async fn shop() -> Server {
    let server = server().await;
    server.desk().publish_sla_policy(policy("policy", vec![frame(0, 24)])).await.unwrap();
    server
}

#[tokio::test]
async fn a_user_sees_what_was_written_and_nothing_of_the_triage_and_the_desk_sees_all() {
    let server = shop().await;
    let mut user = server.cases_of_user("u");
    let made = user.submit_case(pb::SubmitCaseRequest { case_id: String::new(), ..submit("u", "1") }).await.unwrap();
    let case_id = made.into_inner().case.unwrap().case_id;
    assert!(case_id.starts_with("c-"), "{case_id}");
    let note = pb::AddNoteRequest {
        request_id: "2".into(),
        user_id: "u".into(),
        case_id: case_id.clone(),
        agent_id: "bob".into(),
        text: "internal".into(),
        attachments: vec![],
    };
    server.cases().add_note(note).await.unwrap();
    server.cases().answer_case(answer("u", &case_id, "3")).await.unwrap();
    let seen = user.get_case(get("u", &case_id)).await.unwrap().into_inner();
    assert_eq!(seen.case.unwrap().triage, None);
    let texts: Vec<_> = seen.messages.iter().map(|it| (it.text.as_str(), it.agent_id.as_str())).collect();
    assert_eq!(texts, [("快递三天没到", ""), ("马上查", "")]);
    let seen = server.cases().get_case(get("u", &case_id)).await.unwrap().into_inner();
    let triage = seen.case.unwrap().triage.unwrap();
    let first = triage.first_response.unwrap();
    assert_eq!((first.target_minutes, first.running, first.deadline), (60, false, None));
    assert!(triage.resolution.unwrap().deadline.is_some());
    assert_eq!(seen.messages[1].agent_id, "bob");
    let foreign = server.cases_of_user("v").get_case(get("u", &case_id)).await.unwrap_err();
    assert_eq!((foreign.code(), reason_of(&foreign).as_deref()), (Code::PermissionDenied, Some("USER_NOT_ALLOWED")));
    let desk_only = user.answer_case(answer("u", &case_id, "4")).await.unwrap_err();
    assert_eq!(desk_only.code(), Code::PermissionDenied);
    let urgent = pb::SubmitCaseRequest { urgency: 3, department: "ceo".into(), ..submit("u", "5") };
    let refused = user.submit_case(urgent.clone()).await.unwrap_err();
    let fields: Vec<String> = violations_of(&refused).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["department", "urgency"]);
    server.cases().submit_case(urgent).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn what_a_user_is_worth_comes_from_levels_log_and_a_read_with_its_position_shows_it() {
    let server = shop().await;
    let r#move = Some(LevelMove { to_rank: 3, ..LevelMove::default() });
    let payload = LevelMoved { scheme_id: "vip".into(), r#move, secondary: false };
    let id = ids::EventId::new("moved").unwrap();
    let position = server.tell(&[Draft::new("u", id, &payload, OffsetDateTime::now_utc())]).await;
    let waiting = pb::ListCasesRequest { user_id: "u".into(), at_least: vec![position], ..Default::default() };
    server.cases().list_cases(waiting).await.unwrap();
    server.cases().submit_case(submit("u", "1")).await.unwrap();
    let case = server.cases().get_case(get("u", "1")).await.unwrap().into_inner().case.unwrap();
    let triage = case.triage.unwrap();
    assert_eq!((triage.user_value, triage.importance, triage.quadrant()), (3, 6, pb::Quadrant::Important));
    server.end().await;
}

#[tokio::test]
async fn a_repeat_is_marked_and_refusals_have_their_reasons() {
    let server = shop().await;
    let first = server.cases().submit_case(submit("u", "1")).await.unwrap();
    let again = server.cases().submit_case(submit("u", "1")).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    assert_eq!(first.into_inner(), again.into_inner());
    let rate = pb::RateCaseRequest {
        request_id: "2".into(),
        user_id: "u".into(),
        case_id: "1".into(),
        score: 5,
        comment: String::new(),
    };
    let refused = server.cases().rate_case(rate.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("CASE_STATE")));
    assert_eq!(metadata_of(&refused)["state"], "new");
    let missing = server.cases().get_case(get("u", "nothing")).await.unwrap_err();
    assert_eq!((missing.code(), reason_of(&missing).as_deref()), (Code::NotFound, Some("CASE_NOT_FOUND")));
    let bad = server.cases().rate_case(pb::RateCaseRequest { score: 6, ..rate }).await.unwrap_err();
    assert_eq!((bad.code(), reason_of(&bad).as_deref()), (Code::InvalidArgument, Some("FIELDS_INVALID")));
    server.end().await;
}

#[tokio::test]
async fn a_calendar_that_is_none_is_refused_with_all_that_is_wrong_with_it() {
    let server = server().await;
    let mut request = policy("1", vec![frame(9, 17), frame(16, 18)]);
    let sla = request.sla_policy.as_mut().unwrap();
    sla.calendars[0].zone = "Asia/Nowhere".into();
    sla.calendars[0].special_days[0].date = "2026-02-30".into();
    sla.targets[1].quadrant = 1;
    sla.targets[2].calendar_id = "night".into();
    let refused = server.desk().publish_sla_policy(request).await.unwrap_err();
    let fields: Vec<String> = violations_of(&refused).into_iter().map(|(field, _)| field).collect();
    for field in [
        "sla_policy.calendars[0].zone",
        "sla_policy.calendars[0].week[0].frames[1]",
        "sla_policy.calendars[0].special_days[0].date",
        "sla_policy.targets[1].quadrant",
        "sla_policy.targets[2].calendar_id",
    ] {
        assert!(fields.iter().any(|it| it == field), "{field} is not in {fields:?}");
    }
    let none = server.desk().get_sla_policy(pb::GetSlaPolicyRequest {}).await.unwrap_err();
    assert_eq!(reason_of(&none).as_deref(), Some("SLA_POLICY_NOT_FOUND"));
    server.end().await;
}

#[tokio::test]
async fn a_desk_is_published_in_versions_and_read_back() {
    let server = shop().await;
    let sent = policy("again", vec![frame(9, 12), frame(13, 18)]);
    let published = server.desk().publish_sla_policy(sent.clone()).await.unwrap().into_inner().sla_policy.unwrap();
    assert_eq!((published.version, published.reopen_within_days), (2, 14));
    assert_eq!(published.calendars, sent.sla_policy.unwrap().calendars);
    let read = server.desk().get_sla_policy(pb::GetSlaPolicyRequest {}).await.unwrap().into_inner().sla_policy;
    assert_eq!(read, Some(published));
    let defaults = server.desk().get_classification(pb::GetClassificationRequest {}).await.unwrap().into_inner();
    let defaults = defaults.classification.unwrap();
    assert_eq!((defaults.version, defaults.important_from, defaults.publish_time), (0, 3, None));
    let text =
        proto::common::v1::LocalizedText { texts: [("zh".into(), "退款".into())].into(), ..Default::default() };
    for (n, product) in ["", "app", "web"].into_iter().enumerate() {
        let case_type = pb::CaseType {
            case_type_id: format!("type-{n}"),
            product_id: product.into(),
            display_name: Some(text.clone()),
            ..Default::default()
        };
        let request =
            pb::PublishCaseTypeRequest { request_id: format!("{n}"), case_type: Some(case_type), validate_only: false };
        server.types().publish_case_type(request).await.unwrap();
    }
    let list = pb::ListCaseTypesRequest { product_id: "app".into(), page_size: 1, ..Default::default() };
    let page = server.types().list_case_types(list.clone()).await.unwrap().into_inner();
    assert_eq!(page.case_types[0].case_type_id, "type-0");
    let next = pb::ListCaseTypesRequest { page_token: page.next_page_token, ..list };
    let page = server.types().list_case_types(next).await.unwrap().into_inner();
    assert_eq!((page.case_types[0].case_type_id.as_str(), page.next_page_token.as_str()), ("type-1", ""));
    let read = pb::GetCaseTypeRequest { case_type_id: "type-2".into() };
    assert_eq!(server.types().get_case_type(read).await.unwrap().into_inner().case_type.unwrap().product_id, "web");
    server.end().await;
}

#[tokio::test]
async fn lists_are_paged_to_their_end() {
    let server = shop().await;
    for n in 0..5 {
        server.cases().submit_case(submit("u", &format!("c{n}"))).await.unwrap();
    }
    let (mut mine, mut token) = (Vec::new(), String::new());
    loop {
        let list = pb::ListCasesRequest { user_id: "u".into(), page_size: 2, page_token: token, ..Default::default() };
        let page = server.cases().list_cases(list).await.unwrap().into_inner();
        mine.extend(page.cases.into_iter().map(|case| case.case_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(mine, ["c4", "c3", "c2", "c1", "c0"]);
    let (mut queue, mut token) = (Vec::new(), String::new());
    loop {
        let list = pb::ListQueueRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = server.cases().list_queue(list).await.unwrap().into_inner();
        queue.extend(page.cases.into_iter().map(|case| case.case_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(queue, ["c0", "c1", "c2", "c3", "c4"]);
    let timeline = pb::GetCaseTimelineRequest { user_id: "u".into(), case_id: "c0".into(), ..Default::default() };
    let entries = server.cases().get_case_timeline(timeline).await.unwrap().into_inner().entries;
    assert_eq!(entries.iter().map(pb::CaseEntry::kind).collect::<Vec<_>>(), [pb::EntryKind::Submitted]);
    let figures = server.insight().get_case_figures(pb::GetCaseFiguresRequest::default()).await.unwrap().into_inner();
    assert_eq!((figures.total.unwrap().submitted, figures.quadrants.len()), (5, 4));
    server.end().await;
}
