//! A tenant with a desk on a database of its own.

use std::sync::Arc;

use eventlog::{Consume, EventPayload, Log, LogSettings};
use feedback::Feedback;
use feedback::commands::{HandleCase, PublishCaseType, PublishClassification, PublishSlaPolicy, SubmitCase};
use feedback::config::Settings;
use feedback::domain::act::Act;
use feedback::domain::calendar::{Frame, WorkingCalendar};
use feedback::domain::case::{Case, Origin};
use feedback::domain::case_type::CaseType;
use feedback::domain::classification::{Classification, ClassificationRule};
use feedback::domain::entry::{Entry, Message, Resolution};
use feedback::domain::sla_policy::{QuadrantTarget, SlaPolicy};
use feedback::domain::submission::Submission;
use feedback::domain::triage::{CaseKind, Impact, Quadrant, Urgency};
use feedback::error::FeedbackError;
use ids::{EventId, Key, RequestId, TenantId, UserId};
use proto::events::v1::{Event, EventMode, FactValue, Facts, fact_value};
use proto::feedback::v1 as pb;
use requests::Request;
use service::{Answer, Core, decoded, only};
use testkit::TestDb;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;

pub(crate) struct Stage {
    pub(crate) db: TestDb,
    pub(crate) feedback: Arc<Feedback>,
    pub(crate) log: Arc<Log>,
    pub(crate) tenant: TenantId,
}

pub(crate) fn tenant(id: &str) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new(id).unwrap()
}

pub(crate) fn request(user: &str, method: &'static str, id: &str, body: u8) -> Request {
    Request { user: user.to_owned(), method, id: RequestId::new(id).unwrap(), body: [body; 32] }
}

/// The log that a consumer reads: its tables alone.
pub(crate) fn log_of(service: &'static str) -> pg::Migrations {
    pg::Migrations::new(service, [&requests::MIGRATOR, &eventlog::MIGRATOR])
}

/// An empty tenant `shop`.
pub(crate) async fn empty() -> Stage {
    let db = testkit::database(&[&feedback::migrations(), &log_of("profiles"), &log_of("levels")]).await;
    let pool = db.db(feedback::NAME).await;
    let log = Log::new(pool.clone(), None, LogSettings::default());
    let feedback = Arc::new(Feedback::new(Core::new(pool, Arc::clone(&log)), Settings::default()));
    let tenant = tenant("shop");
    db.register(feedback::NAME, &[&tenant]).await;
    Stage { db, feedback, log, tenant }
}

/// With a policy round the clock: an hour to the first answer, four to the resolution.
pub(crate) async fn stage() -> Stage {
    let stage = empty().await;
    stage.policy(WorkingCalendar::always(), 60, 240, "policy").await;
    stage
}

/// All quadrants by one calendar.
pub(crate) fn policy(calendar: WorkingCalendar, first_response_minutes: i32, resolution_minutes: i32) -> SlaPolicy {
    let target = |quadrant: &Quadrant| {
        let calendar_id = "desk".to_owned();
        (*quadrant, QuadrantTarget { calendar_id, first_response_minutes, resolution_minutes })
    };
    SlaPolicy {
        calendars: [("desk".to_owned(), calendar)].into(),
        targets: Quadrant::ALL.iter().map(target).collect(),
        reopen_within_days: 14,
        version: 0,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

/// No minute of it is worked but one hour of a day long past: a clock by it stands still.
pub(crate) fn never() -> WorkingCalendar {
    let mut calendar = WorkingCalendar { week: Default::default(), ..WorkingCalendar::always() };
    let day = units::zone::Day::parse("2001-01-01").unwrap();
    calendar.special.insert(day, vec![Frame { start: 0, end: 60 }]);
    calendar
}

pub(crate) fn case_type(id: &str) -> CaseType {
    CaseType {
        id: key(id),
        product: String::new(),
        display_name: LocalizedText { texts: [("zh".to_owned(), "退款".to_owned())].into(), fallback: String::new() },
        department: "finance".to_owned(),
        urgency: Some(Urgency::High),
        impact: Some(Impact::High),
        answer_within_minutes: 0,
        version: 0,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn complaint(who: &str, case_id: &str, text: &str) -> Submission {
    Submission {
        user: user(who),
        case_id: key(case_id),
        kind: CaseKind::Complaint,
        origin: Origin { site: "app".to_owned(), channel: "wechat".to_owned(), ..Origin::default() },
        message: says(text),
        case_type: String::new(),
        department: String::new(),
        urgency: None,
    }
}

pub(crate) fn says(text: &str) -> Message {
    Message { text: text.to_owned(), ..Message::default() }
}

pub(crate) fn writes(agent: &str, text: &str) -> Message {
    Message { agent: agent.to_owned(), text: text.to_owned(), attachments: vec![] }
}

/// Something done with the case `c` of a user, under an id and body of its own.
pub(crate) fn handling(who: &str, act: Act, message: Message, id: &str) -> HandleCase {
    let method = match &act {
        Act::Correct(_) => "CaseService/CorrectCase",
        Act::Assign { .. } => "CaseService/AssignCase",
        Act::Note => "CaseService/AddNote",
        Act::Answer => "CaseService/AnswerCase",
        Act::Promise { .. } => "CaseService/PromiseAnswer",
        Act::AwaitUser => "CaseService/AwaitUser",
        Act::Reply => "CaseService/ReplyToCase",
        Act::Resolve(_) => "CaseService/ResolveCase",
        Act::Reopen => "CaseService/ReopenCase",
        Act::Rate(_) => "CaseService/RateCase",
    };
    let body = message.text.len() as u8;
    HandleCase { request: request(who, method, id, body), user: user(who), case_id: key("c"), message, act }
}

/// One call alone.
pub(crate) async fn submit(
    feedback: &Feedback,
    tenant: &TenantId,
    command: SubmitCase,
) -> Result<Answer<pb::SubmitCaseResponse>, FeedbackError> {
    only(feedback.submit_cases(tenant, &[command]).await?)
}

impl Stage {
    /// Goes on as another tenant of the same service.
    pub(crate) async fn enter(&mut self, id: &str) {
        self.tenant = tenant(id);
        self.db.register(feedback::NAME, &[&self.tenant]).await;
    }

    pub(crate) async fn policy(
        &self,
        calendar: WorkingCalendar,
        first: i32,
        resolution: i32,
        id: &str,
    ) -> pb::SlaPolicy {
        let request = request("", "DeskService/PublishSlaPolicy", id, 0);
        let command = PublishSlaPolicy { request, sla_policy: policy(calendar, first, resolution) };
        self.feedback.publish_sla_policy(&self.tenant, &command).await.unwrap().value.sla_policy.unwrap()
    }

    pub(crate) async fn case_type(&self, case_type: CaseType, id: &str) -> pb::CaseType {
        let command = PublishCaseType { request: request("", "CaseTypeService/PublishCaseType", id, 0), case_type };
        self.feedback.publish_case_type(&self.tenant, &command).await.unwrap().value.case_type.unwrap()
    }

    pub(crate) async fn rules(&self, rules: Vec<ClassificationRule>, id: &str) -> Result<i32, FeedbackError> {
        let request = request("", "DeskService/PublishClassification", id, rules.len() as u8);
        let classification = Classification { rules, ..Classification::default() };
        let command = PublishClassification { request, classification };
        let answer = self.feedback.publish_classification(&self.tenant, &command).await?;
        Ok(answer.value.classification.unwrap().version)
    }

    pub(crate) async fn submit(&self, submission: Submission) -> Result<Answer<pb::SubmitCaseResponse>, FeedbackError> {
        let id = format!("submit-{}", submission.case_id);
        let request =
            request(submission.user.as_str(), "CaseService/SubmitCase", &id, submission.message.text.len() as u8);
        submit(&self.feedback, &self.tenant, SubmitCase { request, submission }).await
    }

    /// The case `c` of a user.
    pub(crate) async fn open(&self, who: &str) -> pb::SubmitCaseResponse {
        self.submit(complaint(who, "c", "快递三天没到")).await.unwrap().value
    }

    pub(crate) async fn handle<T: prost::Message + Default>(
        &self,
        command: &HandleCase,
    ) -> Result<Answer<T>, FeedbackError> {
        decoded(only(self.feedback.handle_cases(&self.tenant, std::slice::from_ref(command)).await?)?)
    }

    pub(crate) async fn answer(&self, who: &str, id: &str) -> pb::AnswerCaseResponse {
        self.handle(&handling(who, Act::Answer, writes("bob", "马上查"), id)).await.unwrap().value
    }

    pub(crate) async fn resolve(&self, who: &str, id: &str) -> pb::ResolveCaseResponse {
        let act = Act::Resolve(Resolution::Solved);
        self.handle(&handling(who, act, writes("bob", "已补发"), id)).await.unwrap().value
    }

    pub(crate) async fn reopen(&self, who: &str, id: &str) -> pb::ReopenCaseResponse {
        self.handle(&handling(who, Act::Reopen, says("还是没到"), id)).await.unwrap().value
    }

    pub(crate) async fn rate(&self, who: &str, score: i16, id: &str) -> Result<pb::RateCaseResponse, FeedbackError> {
        self.handle(&handling(who, Act::Rate(score), says(""), id)).await.map(|answer| answer.value)
    }

    pub(crate) async fn case(&self, who: &str) -> Case {
        self.feedback.case(&self.tenant, (&user(who), &key("c")), &[]).await.unwrap().case
    }

    pub(crate) async fn timeline(&self, who: &str) -> Vec<Entry> {
        self.feedback.timeline(&self.tenant, (&user(who), &key("c")), None, 1_000, &[]).await.unwrap().rows
    }

    /// Types and payloads of this service's events about users, in the order of their partitions.
    pub(crate) async fn told(&self) -> Vec<(String, Vec<u8>)> {
        let mut admin = self.db.admin(feedback::NAME).await;
        sqlx::query_as("select type, payload from event where user_id <> '' order by partition, seq")
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }

    pub(crate) async fn told_types(&self) -> Vec<String> {
        self.told().await.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Runs a statement as superuser in the service's schema.
    pub(crate) async fn execute(&self, statement: &'static str) {
        let mut admin = self.db.admin(feedback::NAME).await;
        sqlx::query(statement).execute(&mut admin).await.unwrap();
    }

    /// As if everything about cases had happened so much earlier.
    pub(crate) async fn pass(&self, hours: i32) {
        let mut admin = self.db.admin(feedback::NAME).await;
        let earlier = "update feedback_case set first_since = first_since - $1, first_deadline = first_deadline - $1,
            resolution_since = resolution_since - $1, resolution_deadline = resolution_deadline - $1,
            promise_until = promise_until - $1, submitted_at = submitted_at - $1, decided_at = decided_at - $1,
            first_answered_at = first_answered_at - $1, resolved_at = resolved_at - $1, reopen_until = reopen_until - $1,
            alarm_at = alarm_at - $1, queue_at = case when queue_at < '9999-01-01' then queue_at - $1 else queue_at end";
        let interval =
            sqlx::postgres::types::PgInterval { months: 0, days: 0, microseconds: i64::from(hours) * 3_600_000_000 };
        sqlx::query(earlier).bind(interval).execute(&mut admin).await.unwrap();
    }

    /// Applies events as a consumer does, in a transaction of their own.
    pub(crate) async fn apply(&self, consumer: &impl Consume, events: &[Event]) {
        let mut tx = self.db.db(feedback::NAME).await.begin(&self.tenant).await.unwrap();
        consumer.apply(&mut tx, &self.tenant, events).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Events of another service's log as a consumer gets them, live ones that happen now.
pub(crate) fn event<P: EventPayload>(who: &str, id: &str, payload: &P, facts: &[(&str, fact_value::Value)]) -> Event {
    let now = OffsetDateTime::now_utc() + Duration::seconds(1);
    let fact =
        |(name, value): &(&str, fact_value::Value)| ((*name).to_owned(), FactValue { value: Some(value.clone()) });
    Event {
        seq: 1,
        epoch: 1,
        tenant_id: "shop".to_owned(),
        user_id: who.to_owned(),
        event_id: EventId::new(id).unwrap().to_string(),
        r#type: P::event_type().to_owned(),
        payload: payload.encode_to_vec(),
        facts: Some(Facts { values: facts.iter().map(fact).collect() }),
        root_event_id: id.to_owned(),
        occurred_at: Some(units::time::to_proto(now)),
        recorded_at: Some(units::time::to_proto(now)),
        mode: EventMode::Live.into(),
        ..Event::default()
    }
}
