//! Reports.

use std::collections::BTreeMap;

use ids::TenantId;
use pg::Tx;
use proto::common::v1::Position;
use time::OffsetDateTime;

use crate::domain::insight::{Cohort, Month, Sales, cohorts};
use crate::domain::lifecycle::{Stage, day, stage};
use crate::domain::rfm::{Cell, Cuts, Method, RfmModel, cell, score};
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::store::insight::AsOf;
use crate::{Profiles, store};

/// The most months of one sales report.
const SALES_MONTHS_MAX: i64 = 240;

/// Sales of a span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SalesReport {
    /// The whole span.
    pub total: Sales,
    /// By month of payment, oldest first.
    pub months: Vec<(Month, Sales)>,
}

/// Payers by cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellReport {
    /// Every cell in order, with its payers and their net spend.
    pub cells: Vec<(Cell, i64, i64)>,
    /// The cuts used.
    pub cuts: Cuts,
    /// The window used.
    pub window_days: i32,
}

impl Profiles {
    /// See `InsightService.GetCohortRetention`.
    pub async fn cohort_retention(
        &self,
        tenant: &TenantId,
        (from, to): (Month, Month),
        at_least: &[Position],
    ) -> Result<Vec<Cohort>, ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let (activities, last) = store::insight::cohorts(&mut tx, tenant, terms.zone.name(), from, to).await?;
        tx.rollback().await?;
        Ok(cohorts(&activities, last))
    }

    /// See `InsightService.GetSales`.
    pub async fn sales(
        &self,
        tenant: &TenantId,
        span: (Option<OffsetDateTime>, Option<OffsetDateTime>),
        at_least: &[Position],
    ) -> Result<(SalesReport, Terms), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let rows = store::insight::sales(&mut tx, tenant, terms.zone.name(), span, SALES_MONTHS_MAX).await?;
        tx.rollback().await?;
        let mut report = SalesReport::default();
        for (month, sales) in rows {
            match month {
                Some(month) => report.months.push((month, sales)),
                None => report.total = sales,
            }
        }
        Ok((report, terms))
    }

    /// See `InsightService.CountStages`.
    pub async fn count_stages(
        &self,
        tenant: &TenantId,
        at: Option<OffsetDateTime>,
        at_least: &[Position],
    ) -> Result<Vec<(Stage, i64)>, ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let models = store::lifecycle::read(&mut tx, tenant).await?;
        let as_of = as_of(&mut tx, &terms, at).await?;
        let loyal = models.stage.loyal_orders;
        let standings = store::insight::standings(&mut tx, tenant, as_of, loyal, None).await?;
        tx.rollback().await?;
        let mut counts: BTreeMap<Stage, i64> = BTreeMap::new();
        for (standing, users) in standings {
            *counts.entry(stage(&models.stage, &standing, as_of.day)).or_default() += users;
        }
        Ok(Stage::ALL.map(|stage| (stage, counts.get(&stage).copied().unwrap_or(0))).to_vec())
    }

    /// See `InsightService.CountRfmCells`.
    pub async fn count_rfm_cells(
        &self,
        tenant: &TenantId,
        at: Option<OffsetDateTime>,
        method: Option<Method>,
        at_least: &[Position],
    ) -> Result<(CellReport, Terms), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let model = store::lifecycle::read(&mut tx, tenant).await?.rfm;
        let as_of = as_of(&mut tx, &terms, at).await?;
        let cuts = cuts(&mut tx, tenant, as_of, &model, method.unwrap_or(model.method)).await?;
        let window_days = model.window_days;
        let payers = store::insight::payers(&mut tx, tenant, as_of, (window_days, &cuts), None).await?;
        tx.rollback().await?;
        let mut counts: BTreeMap<Cell, (i64, i64)> = BTreeMap::new();
        for payers in payers {
            let count = counts.entry(cell(&score(&cuts, &payers.bought))).or_default();
            *count = (count.0 + payers.users, count.1.saturating_add(payers.net));
        }
        let counted = |cell| counts.get(&cell).copied().unwrap_or_default();
        let cells = Cell::ALL.map(|cell| (cell, counted(cell).0, counted(cell).1)).to_vec();
        Ok((CellReport { cells, cuts, window_days }, terms))
    }
}

/// The moment asked for, or the database's now.
pub(super) async fn as_of<'a>(
    tx: &mut Tx,
    terms: &'a Terms,
    at: Option<OffsetDateTime>,
) -> Result<AsOf<'a>, ProfilesError> {
    let at = match at {
        Some(at) => at,
        None => pg::clock(tx).await?,
    };
    Ok(AsOf { at, day: day(&terms.zone, at), zone: terms.zone.name() })
}

/// The cuts of a method; the model's own where quintiles are asked for and nobody paid.
pub(super) async fn cuts(
    tx: &mut Tx,
    tenant: &TenantId,
    as_of: AsOf<'_>,
    model: &RfmModel,
    method: Method,
) -> Result<Cuts, ProfilesError> {
    let quintiles = match method {
        Method::Thresholds => None,
        Method::Quintiles => store::insight::quintiles(tx, tenant, as_of, model.window_days).await?,
    };
    Ok(quintiles.unwrap_or_else(|| model.cuts.clone()))
}
