use eventlog::derive;
use ids::{Key, UserId};
use proto::feedback::v1 as pb;
use requests::body_of;
use service::Parse;
use status::Violations;
use time::OffsetDateTime;

use super::{message, named, open, optional_key};
use crate::commands::SubmitCase;
use crate::domain::case::{CaseState, Origin};
use crate::domain::queue::Filter;
use crate::domain::submission::Submission;
use crate::domain::triage::{CaseKind, Quadrant, Urgency};

/// A user, as reads name one.
pub(in crate::grpc) fn user(user_id: &str) -> Result<UserId, Violations> {
    let mut parse = Parse::default();
    let user = parse.user(user_id);
    parse.done(user)
}

/// A user's case.
pub(in crate::grpc) fn user_and_case(user_id: &str, case_id: &str) -> Result<(UserId, Key), Violations> {
    let mut parse = Parse::default();
    let (user, case) = (parse.user(user_id), parse.key("case_id", case_id));
    parse.done(user.zip(case))
}

/// A case that comes in. Its user says what it is; who handles it and how fast is for operators to say.
pub(in crate::grpc) fn submit_case(sent: &pb::SubmitCaseRequest, by_user: bool) -> Result<SubmitCase, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "CaseService/SubmitCase", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let made = || format!("c-{}", &derive(&sent.user_id, &format!("case/{}", sent.request_id), 0).as_str()[2..]);
    let case_id = if sent.case_id.is_empty() { made() } else { sent.case_id.clone() };
    let case_id = parse.key("case_id", &case_id);
    let kind = named(&mut parse, "kind", sent.kind, CaseKind::from_code);
    let urgency = open(&mut parse, "urgency", sent.urgency, Urgency::from_code);
    let case_type = optional_key(&mut parse, "case_type_id", &sent.case_type_id);
    let department = optional_key(&mut parse, "department", &sent.department);
    let is_report = kind == Some(CaseKind::UserReport);
    if is_report {
        parse.user_in("reported_user_id", &sent.reported_user_id);
    } else {
        parse.require(sent.reported_user_id.is_empty(), "reported_user_id", "is for a USER_REPORT only");
    }
    let for_operators = "is for operators: a user's own token leaves it empty";
    parse.require(!by_user || department.is_empty(), "department", for_operators);
    parse.require(!by_user || urgency.is_none(), "urgency", for_operators);
    let read = (|| {
        let submission = Submission {
            user: user?,
            case_id: case_id?,
            kind: kind?,
            origin: Origin {
                site: sent.site.clone(),
                channel: sent.channel.clone(),
                external_reference: sent.external_reference.clone(),
                reported_user: sent.reported_user_id.clone(),
            },
            message: message("", &sent.text, &sent.attachments),
            case_type,
            department,
            urgency,
        };
        Some(SubmitCase { request: request?, submission })
    })();
    parse.done(read)
}

/// Which cases of a queue are wanted.
pub(in crate::grpc) fn filter(sent: &pb::ListQueueRequest) -> Result<Filter, Violations> {
    let mut parse = Parse::default();
    let state = open(&mut parse, "state", sent.state, CaseState::from_code);
    let quadrant = open(&mut parse, "quadrant", sent.quadrant, Quadrant::from_code);
    let contradicts = sent.unassigned && !sent.assignee_id.is_empty();
    parse.require(!contradicts, "assignee_id", "must be empty where unassigned is set");
    let assignee = (sent.unassigned || !sent.assignee_id.is_empty()).then(|| sent.assignee_id.clone());
    parse.done(Some(Filter { department: sent.department.clone(), state, quadrant, assignee }))
}

/// The period of figures; what is absent is left to the clock.
pub(in crate::grpc) fn period(
    sent: &pb::GetCaseFiguresRequest,
) -> Result<(Option<OffsetDateTime>, Option<OffsetDateTime>), Violations> {
    let mut parse = Parse::default();
    let from = parse.time("from", sent.from.as_ref());
    let until = parse.time("until", sent.until.as_ref());
    parse.done(Some((from, until)))
}
