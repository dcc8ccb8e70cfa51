use ids::TenantId;
use proto::common::v1::Position;
use service::Failure;
use status::Violations;
use time::{Duration, OffsetDateTime};

use crate::domain::figures::CaseFigures;
use crate::error::FeedbackError;
use crate::{Feedback, store};

/// How long a period is where no start is given.
const PERIOD: Duration = Duration::days(30);

/// The longest period.
const PERIOD_MAX: Duration = Duration::days(400);

impl Feedback {
    /// See `CaseInsightService.GetCaseFigures`.
    pub async fn case_figures(
        &self,
        tenant: &TenantId,
        (from, until): (Option<OffsetDateTime>, Option<OffsetDateTime>),
        department: &str,
        at_least: &[Position],
    ) -> Result<CaseFigures, FeedbackError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let until = match until {
            Some(until) => until,
            None => pg::clock(&mut tx).await?,
        };
        let from = from.unwrap_or_else(|| until.saturating_sub(PERIOD));
        if until <= from || until - from > PERIOD_MAX {
            let mut violations = Violations::new();
            violations.add("until", "must be after from, and at most 400 days after it");
            return Err(Failure::Invalid(violations));
        }
        let figures = store::figures::read(&mut tx, tenant, (from, until), department).await?;
        tx.rollback().await?;
        Ok(figures)
    }
}
