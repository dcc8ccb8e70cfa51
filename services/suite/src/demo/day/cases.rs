//! One step of one case.

use proto::feedback::v1::{
    AnswerCaseRequest, AssignCaseRequest, AwaitUserRequest, CaseKind, PromiseAnswerRequest, RateCaseRequest,
    ReopenCaseRequest, ReplyToCaseRequest, Resolution, ResolveCaseRequest, SubmitCaseRequest,
};
use proto::incentives::v1::{ImposePenaltyRequest, Penalty, PenaltyKind};
use rand::RngExt as _;
use time::{Duration, OffsetDateTime};

use super::desk::{Open, Opening, Step, Then};
use crate::demo::calls::{Calls, call, told};
use crate::demo::preset::ABUSE;
use crate::demo::words::Lang;
use crate::demo::year::{Saying, answer, asked, reopening, reply};

/// Who works at the desk, for those who write Chinese and English.
const AGENTS: [(&str, &str); 3] = [("小王", "anna"), ("小李", "ben"), ("小陈", "carol")];

/// Something that a user must not do, as a case told of it.
pub(super) struct Abuse {
    pub(super) user_id: String,
    pub(super) case_id: String,
    lang: Lang,
}

/// Takes a case in.
pub(super) async fn submit(calls: &Calls, saying: &Saying) -> anyhow::Result<()> {
    let request = SubmitCaseRequest {
        request_id: saying.case_id.clone(),
        user_id: saying.user_id.clone(),
        case_id: saying.case_id.clone(),
        kind: saying.kind.into(),
        text: saying.text.clone(),
        channel: saying.channel.to_owned(),
        external_reference: saying.order_id.clone(),
        reported_user_id: saying.about.clone(),
        ..SubmitCaseRequest::default()
    };
    told(call!(calls, cases, submit_case, request), "SubmitCase").map(drop)
}

/// Does a step, and says what follows.
pub(super) async fn act(calls: &Calls, at: OffsetDateTime, step: Step, open: &mut Open<'_>) -> anyhow::Result<Then> {
    let (request_id, user_id, case_id, agent_id) = names(step, open);
    match step {
        Step::TakeUp => {
            let assignee_id = agent_id.clone();
            let department = String::new();
            let request = AssignCaseRequest { request_id, user_id, case_id, agent_id, assignee_id, department };
            let case = told(call!(calls, cases, assign_case, request), "AssignCase")?.case.unwrap_or_default();
            match open.first_delay(case.triage.unwrap_or_default().quadrant()) {
                0 => begin(calls, at, open).await,
                after => Ok(Then::Next(Step::Answer, after)),
            }
        }
        Step::Answer => begin(calls, at, open).await,
        Step::Reply => {
            let text = reply(open.saying.lang, &mut open.rng);
            let request = ReplyToCaseRequest { request_id, user_id, case_id, text, attachments: vec![] };
            told(call!(calls, cases, reply_to_case, request), "ReplyToCase")?;
            Ok(Then::Next(Step::Resolve, open.rng.random_range(1..=3)))
        }
        Step::Resolve => resolve(calls, open, Step::Resolve, usual(open.saying.kind)).await,
        Step::Close => resolve(calls, open, Step::Close, Resolution::NoReply).await,
        Step::Reopen => {
            open.again = true;
            let text = reopening(open.saying.lang, &mut open.rng);
            let request = ReopenCaseRequest { request_id, user_id, case_id, text, attachments: vec![] };
            told(call!(calls, cases, reopen_case, request), "ReopenCase")?;
            Ok(Then::Next(Step::Resolve, open.rng.random_range(1..=3)))
        }
        Step::Rate => {
            let score = open.score();
            let request = RateCaseRequest { request_id, user_id, case_id, score, comment: String::new() };
            told(call!(calls, cases, rate_case, request), "RateCase")?;
            Ok(Then::Over)
        }
    }
}

/// The desk's first answer.
async fn begin(calls: &Calls, at: OffsetDateTime, open: &mut Open<'_>) -> anyhow::Result<Then> {
    let (request_id, user_id, case_id, agent_id) = names(Step::Answer, open);
    let (lang, attachments) = (open.saying.lang, vec![]);
    match open.opening() {
        Opening::End => resolve(calls, open, Step::Answer, usual(open.saying.kind)).await,
        Opening::EndWithPenalty => {
            let abuse = Abuse { user_id: open.saying.about.clone(), case_id, lang };
            resolve(calls, open, Step::Answer, Resolution::Solved).await?;
            Ok(Then::Ended(Some(abuse)))
        }
        Opening::Answer { after } => {
            let text = answer(lang, &mut open.rng);
            let request = AnswerCaseRequest { request_id, user_id, case_id, agent_id, text, attachments };
            told(call!(calls, cases, answer_case, request), "AnswerCase")?;
            Ok(Then::Next(Step::Resolve, after))
        }
        Opening::Promise { days, after } => {
            let promised_until = Some(units::time::to_proto(at + Duration::days(days.into())));
            let text = answer(lang, &mut open.rng);
            let request =
                PromiseAnswerRequest { request_id, user_id, case_id, agent_id, text, attachments, promised_until };
            told(call!(calls, cases, promise_answer, request), "PromiseAnswer")?;
            Ok(Then::Next(Step::Resolve, after))
        }
        Opening::Ask => {
            let text = asked(lang, &mut open.rng);
            let request = AwaitUserRequest { request_id, user_id, case_id, agent_id, text, attachments };
            told(call!(calls, cases, await_user, request), "AwaitUser")?;
            Ok(open.after_asking())
        }
    }
}

async fn resolve(calls: &Calls, open: &mut Open<'_>, step: Step, resolution: Resolution) -> anyhow::Result<Then> {
    let (request_id, user_id, case_id, agent_id) = names(step, open);
    let text = answer(open.saying.lang, &mut open.rng);
    let request = ResolveCaseRequest {
        request_id,
        user_id,
        case_id,
        agent_id,
        resolution: resolution.into(),
        text,
        attachments: vec![],
    };
    told(call!(calls, cases, resolve_case, request), "ResolveCase")?;
    Ok(Then::Ended(None))
}

/// How cases of a kind end.
fn usual(kind: CaseKind) -> Resolution {
    match kind {
        CaseKind::Question | CaseKind::Praise => Resolution::Answered,
        CaseKind::Suggestion => Resolution::Forwarded,
        CaseKind::UserReport => Resolution::Declined,
        _ => Resolution::Solved,
    }
}

/// Request id, user, case and agent of a step. A case that was opened again takes steps a second time.
fn names(step: Step, open: &Open<'_>) -> (String, String, String, String) {
    let saying = open.saying;
    let request_id = format!("{}:{step:?}:{}", saying.case_id, u8::from(open.again));
    let (zh, en) = AGENTS[usize::try_from(saying.seed % 3).unwrap_or(0)];
    (request_id, saying.user_id.clone(), saying.case_id.clone(), saying.lang.pick(zh, en).to_owned())
}

/// Punishes by the ladder of the offence; answers until when the user is muted, `None` in it: for ever.
pub(super) async fn punish(calls: &Calls, abuse: Abuse) -> anyhow::Result<Option<Option<OffsetDateTime>>> {
    let masked: String = abuse.user_id.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
    let penalty = Penalty {
        penalty_id: abuse.case_id.clone(),
        user_id: abuse.user_id,
        action_id: ABUSE.to_owned(),
        reason: abuse.case_id.clone(),
        notice: abuse
            .lang
            .pick("辱骂他人，按社区规则处理", "insulted others: dealt with by the community rules")
            .to_owned(),
        masked_name: format!("u***{masked}"),
        ..Penalty::default()
    };
    let request = ImposePenaltyRequest { request_id: abuse.case_id, penalty: Some(penalty) };
    let imposed = told(call!(calls, penalties, impose_penalty, request), "ImposePenalty")?.penalty.unwrap_or_default();
    let until = imposed.until.as_ref().map(units::time::from_proto).transpose()?;
    Ok((imposed.kind() == PenaltyKind::Mute).then_some(until))
}
