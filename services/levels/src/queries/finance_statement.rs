use ids::{Key, TenantId};
use proto::common::v1::Position;
use service::Page;

use super::point_type;
use crate::domain::finance::{self, Line, Month, MonthFigures};
use crate::error::LevelsError;
use crate::store::finance::Range;
use crate::{Levels, store};

/// The place of a line: month, cost centre and funder.
pub type LinePlace = (String, String, i32);

impl Levels {
    /// See `PointsReportService.GetFinanceStatement`: every month, and the lines after a place.
    pub async fn finance_statement(
        &self,
        tenant: &TenantId,
        type_id: &Key,
        (from, until): (Month, Month),
        after: Option<LinePlace>,
        size: i64,
        at_least: &[Position],
    ) -> Result<(Vec<MonthFigures>, Page<Line, LinePlace>), LevelsError> {
        let mut tx = self.core.read(tenant, at_least).await?;
        let zone = point_type(&mut tx, tenant, type_id).await?.zone;
        let now = pg::clock(&mut tx).await?;
        let starts = from.to(until.plus(1)).filter_map(|month| month.start(&zone)).collect();
        let range = Range { from, until, starts, now };
        let (before, moved) = store::finance::months(&mut tx, tenant, type_id, &range).await?;
        let (month, cost_centre, funder) = after.unwrap_or_default();
        let after = (month.as_str(), cost_centre.as_str(), funder);
        let lines = store::finance::lines(&mut tx, tenant, type_id, &range, after, size + 1).await?;
        tx.rollback().await?;
        let place = |line: &Line| (line.month.clone(), line.cost_centre.clone(), line.funder);
        Ok((finance::months(from.to(until), before, &moved), Page::of(lines, size, place)))
    }
}
