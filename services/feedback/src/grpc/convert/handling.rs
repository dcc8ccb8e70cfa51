use ids::{Key, UserId};
use proto::feedback::v1 as pb;
use requests::{Request, body_of};
use service::Parse;
use status::Violations;

use super::{message, named, open, optional_key};
use crate::commands::HandleCase;
use crate::domain::act::Act;
use crate::domain::entry::{Message, Resolution};
use crate::domain::handling::Correction;
use crate::domain::triage::{Emotion, Urgency};

/// What all calls about a case name: request, user and case.
type Named = (Option<Request>, Option<UserId>, Option<Key>);

macro_rules! about {
    ($parse:ident, $sent:ident, $method:literal) => {{
        let request =
            $parse.request(&$sent.user_id, concat!("CaseService/", $method), &$sent.request_id, body_of($sent));
        (request, $parse.user(&$sent.user_id), $parse.key("case_id", &$sent.case_id))
    }};
}

fn done(
    parse: Parse,
    (request, user, case_id): Named,
    message: Message,
    act: Option<Act>,
) -> Result<HandleCase, Violations> {
    let read = (|| Some(HandleCase { request: request?, user: user?, case_id: case_id?, message, act: act? }))();
    parse.done(read)
}

pub(in crate::grpc) fn correct_case(sent: &pb::CorrectCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "CorrectCase");
    let correction = Correction {
        urgency: open(&mut parse, "urgency", sent.urgency, Urgency::from_code),
        importance: i16::try_from(sent.importance).ok().filter(|importance| (1..=9).contains(importance)),
        department: optional_key(&mut parse, "department", &sent.department),
        case_type: optional_key(&mut parse, "case_type_id", &sent.case_type_id),
        emotion: open(&mut parse, "emotion", sent.emotion, Emotion::from_code),
    };
    done(parse, about, message(&sent.agent_id, &sent.reason, &[]), Some(Act::Correct(correction)))
}

pub(in crate::grpc) fn assign_case(sent: &pb::AssignCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "AssignCase");
    let department = optional_key(&mut parse, "department", &sent.department);
    let act = Act::Assign { assignee: sent.assignee_id.clone(), department };
    done(parse, about, message(&sent.agent_id, "", &[]), Some(act))
}

pub(in crate::grpc) fn add_note(sent: &pb::AddNoteRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "AddNote");
    done(parse, about, message(&sent.agent_id, &sent.text, &sent.attachments), Some(Act::Note))
}

pub(in crate::grpc) fn answer_case(sent: &pb::AnswerCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "AnswerCase");
    done(parse, about, message(&sent.agent_id, &sent.text, &sent.attachments), Some(Act::Answer))
}

pub(in crate::grpc) fn await_user(sent: &pb::AwaitUserRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "AwaitUser");
    done(parse, about, message(&sent.agent_id, &sent.text, &sent.attachments), Some(Act::AwaitUser))
}

pub(in crate::grpc) fn promise_answer(sent: &pb::PromiseAnswerRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "PromiseAnswer");
    parse.require(sent.promised_until.is_some(), "promised_until", "is required");
    let act = parse.time("promised_until", sent.promised_until.as_ref()).map(|until| Act::Promise { until });
    done(parse, about, message(&sent.agent_id, &sent.text, &sent.attachments), act)
}

pub(in crate::grpc) fn reply_to_case(sent: &pb::ReplyToCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "ReplyToCase");
    done(parse, about, message("", &sent.text, &sent.attachments), Some(Act::Reply))
}

pub(in crate::grpc) fn resolve_case(sent: &pb::ResolveCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "ResolveCase");
    let act = named(&mut parse, "resolution", sent.resolution, Resolution::from_code).map(Act::Resolve);
    done(parse, about, message(&sent.agent_id, &sent.text, &sent.attachments), act)
}

pub(in crate::grpc) fn reopen_case(sent: &pb::ReopenCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "ReopenCase");
    done(parse, about, message("", &sent.text, &sent.attachments), Some(Act::Reopen))
}

pub(in crate::grpc) fn rate_case(sent: &pb::RateCaseRequest) -> Result<HandleCase, Violations> {
    let mut parse = Parse::default();
    let about = about!(parse, sent, "RateCase");
    let score = i16::try_from(sent.score).ok().filter(|score| (1..=5).contains(score));
    parse.require(score.is_some(), "score", "must lie between 1 and 5");
    done(parse, about, message("", &sent.comment, &[]), score.map(Act::Rate))
}
