//! A case as a row. Rows are written from their JSON form, one statement however many there are: as parallel arrays, forty
//! columns would have to be kept in step by hand.

use ids::{Key, UserId};
use pg::StoreError;
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::unreadable;
use crate::domain::case::{Case, CaseState, Ending, Origin, Promise, Triage};
use crate::domain::clock::Clock;
use crate::domain::entry::Resolution;
use crate::domain::stopwatch::Stopwatch;
use crate::domain::triage::{CaseKind, Emotion, Impact, Quadrant, Urgency};

/// The columns of `feedback_case` but the tenant.
#[derive(Serialize)]
pub(super) struct CaseRow {
    pub(super) user_id: String,
    pub(super) case_id: String,
    pub(super) kind: i16,
    pub(super) site: String,
    pub(super) channel: String,
    pub(super) external_reference: String,
    pub(super) reported_user_id: String,
    pub(super) case_type_id: String,
    pub(super) department: String,
    pub(super) urgency: i16,
    pub(super) impact: i16,
    pub(super) user_value: i16,
    pub(super) importance: i16,
    pub(super) quadrant: i16,
    pub(super) emotion: i16,
    pub(super) answer_within_minutes: i32,
    pub(super) assignee_id: String,
    pub(super) state: i16,
    pub(super) attempt: i32,
    pub(super) first_elapsed_us: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) first_since: Option<OffsetDateTime>,
    pub(super) first_target_minutes: i32,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) first_deadline: Option<OffsetDateTime>,
    pub(super) first_breached: bool,
    pub(super) resolution_elapsed_us: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) resolution_since: Option<OffsetDateTime>,
    pub(super) resolution_target_minutes: i32,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) resolution_deadline: Option<OffsetDateTime>,
    pub(super) resolution_breached: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) promise_until: Option<OffsetDateTime>,
    pub(super) promise_overdue: bool,
    pub(super) sla_version: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) submitted_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) first_answered_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) resolved_at: Option<OffsetDateTime>,
    pub(super) resolution: Option<i16>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) reopen_until: Option<OffsetDateTime>,
    pub(super) score: Option<i16>,
    pub(super) entry_seq: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) decided_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) queue_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) alarm_at: Option<OffsetDateTime>,
}

/// Reads cases: the columns stand here once, the statement's tail and arguments with each reader.
macro_rules! read_cases {
    ($conn:expr, $tail:tt, $($arg:expr),* $(,)?) => {{
        let rows = sqlx::query_as!(
            $crate::store::case_row::CaseRow,
            "select user_id, case_id, kind, site, channel, external_reference, reported_user_id, case_type_id,
                department, urgency, impact, user_value, importance, quadrant, emotion, answer_within_minutes,
                assignee_id, state, attempt, first_elapsed_us, first_since, first_target_minutes,
                first_deadline, first_breached, resolution_elapsed_us, resolution_since,
                resolution_target_minutes, resolution_deadline, resolution_breached, promise_until,
                promise_overdue, sla_version, submitted_at, first_answered_at, resolved_at, resolution,
                reopen_until, score, entry_seq, decided_at, queue_at, alarm_at
            from feedback_case " + $tail,
            $($arg),*
        )
        .fetch_all($conn)
        .await?;
        rows.into_iter().map($crate::store::case_row::CaseRow::read).collect::<Result<Vec<_>, pg::StoreError>>()
    }};
}

pub(super) use read_cases;

impl CaseRow {
    /// As stored.
    pub(super) fn of(case: &Case) -> Self {
        let (triage, origin) = (&case.triage, &case.origin);
        let (first, resolution) = (&case.first_response, &case.resolution);
        let ending = case.ending.as_ref();
        Self {
            user_id: case.user.to_string(),
            case_id: case.id.to_string(),
            kind: case.kind.code(),
            site: origin.site.clone(),
            channel: origin.channel.clone(),
            external_reference: origin.external_reference.clone(),
            reported_user_id: origin.reported_user.clone(),
            case_type_id: triage.case_type.clone(),
            department: triage.department.clone(),
            urgency: triage.urgency.code(),
            impact: triage.impact.code(),
            user_value: triage.user_value,
            importance: triage.importance,
            quadrant: triage.quadrant.code(),
            emotion: triage.emotion.code(),
            answer_within_minutes: triage.answer_within_minutes,
            assignee_id: case.assignee.clone(),
            state: case.state.code(),
            attempt: case.attempt,
            first_elapsed_us: micros(first.watch.elapsed),
            first_since: first.watch.since,
            first_target_minutes: first.target_minutes,
            first_deadline: first.deadline,
            first_breached: first.breached,
            resolution_elapsed_us: micros(resolution.watch.elapsed),
            resolution_since: resolution.watch.since,
            resolution_target_minutes: resolution.target_minutes,
            resolution_deadline: resolution.deadline,
            resolution_breached: resolution.breached,
            promise_until: case.promise.as_ref().map(|promise| promise.until),
            promise_overdue: case.promise.as_ref().is_some_and(|promise| promise.overdue),
            sla_version: case.sla_version,
            submitted_at: case.submitted_at,
            first_answered_at: case.first_answered_at,
            resolved_at: ending.map(|ending| ending.at),
            resolution: ending.map(|ending| ending.resolution.code()),
            reopen_until: ending.map(|ending| ending.reopen_until),
            score: ending.and_then(|ending| ending.score),
            entry_seq: case.entry_seq,
            decided_at: case.decided_at,
            queue_at: case.queue_at(),
            alarm_at: case.alarm(),
        }
    }

    /// As decided with.
    pub(super) fn read(self) -> Result<Case, StoreError> {
        let triage = Triage {
            case_type: self.case_type_id,
            department: self.department,
            urgency: Urgency::from_code(self.urgency).ok_or_else(|| unreadable("urgency"))?,
            impact: Impact::from_code(self.impact).ok_or_else(|| unreadable("impact"))?,
            user_value: self.user_value,
            importance: self.importance,
            quadrant: Quadrant::from_code(self.quadrant).ok_or_else(|| unreadable("quadrant"))?,
            emotion: Emotion::from_code(self.emotion).ok_or_else(|| unreadable("emotion"))?,
            answer_within_minutes: self.answer_within_minutes,
        };
        let resolution =
            self.resolution.map(|code| Resolution::from_code(code).ok_or_else(|| unreadable("resolution")));
        let ending = self.resolved_at.zip(resolution.transpose()?).zip(self.reopen_until);
        let ending =
            ending.map(|((at, resolution), reopen_until)| Ending { at, resolution, reopen_until, score: self.score });
        Ok(Case {
            user: UserId::new(self.user_id).map_err(|_| unreadable("user_id"))?,
            id: Key::new(self.case_id).map_err(|_| unreadable("case_id"))?,
            kind: CaseKind::from_code(self.kind).ok_or_else(|| unreadable("kind"))?,
            origin: Origin {
                site: self.site,
                channel: self.channel,
                external_reference: self.external_reference,
                reported_user: self.reported_user_id,
            },
            triage,
            assignee: self.assignee_id,
            state: CaseState::from_code(self.state).ok_or_else(|| unreadable("state"))?,
            attempt: self.attempt,
            first_response: Clock {
                watch: Stopwatch { elapsed: Duration::microseconds(self.first_elapsed_us), since: self.first_since },
                target_minutes: self.first_target_minutes,
                deadline: self.first_deadline,
                breached: self.first_breached,
            },
            resolution: Clock {
                watch: Stopwatch {
                    elapsed: Duration::microseconds(self.resolution_elapsed_us),
                    since: self.resolution_since,
                },
                target_minutes: self.resolution_target_minutes,
                deadline: self.resolution_deadline,
                breached: self.resolution_breached,
            },
            promise: self.promise_until.map(|until| Promise { until, overdue: self.promise_overdue }),
            sla_version: self.sla_version,
            submitted_at: self.submitted_at,
            first_answered_at: self.first_answered_at,
            ending,
            entry_seq: self.entry_seq,
            decided_at: self.decided_at,
        })
    }
}

fn micros(measured: Duration) -> i64 {
    i64::try_from(measured.whole_microseconds()).unwrap_or(i64::MAX)
}
