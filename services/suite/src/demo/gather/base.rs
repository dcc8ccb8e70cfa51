//! Cohorts, stages and RFM cells.

use anyhow::Context as _;
use jiff::{ToSpan as _, civil::Date};
use proto::profiles::v1::{
    self as profiles, CountRfmCellsRequest, CountStagesRequest, GetCohortRetentionRequest, RfmMethod,
};

use super::Scope;
use crate::demo::calls::told;
use crate::demo::figures::{Cohort, Rfm, RfmCell, Stage, share_bp};
use crate::demo::words::label;

/// Most months that one question about cohorts may span, the first included.
const COHORTS_MOST: i32 = 36;

pub(super) async fn cohorts(scope: &Scope<'_>) -> anyhow::Result<Vec<Cohort>> {
    let mut cohorts = Vec::new();
    let (mut first, last) = (scope.days.0.first_of_month(), scope.days.1.first_of_month());
    while first <= last {
        let next = first.checked_add(COHORTS_MOST.months()).context("the calendar ends")?;
        let request = GetCohortRetentionRequest {
            from_month: month(first),
            to_month: month(last.min(next.checked_sub(1.month())?)),
            at_least: vec![],
        };
        let get = || {
            let (mut client, request) = (scope.calls.insights(), request.clone());
            async move { client.get_cohort_retention(request).await }
        };
        let answer = told(scope.calls.patiently(get).await, "GetCohortRetention")?;
        cohorts.extend(answer.cohorts.into_iter().map(cohort));
        first = next;
    }
    Ok(cohorts)
}

fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

fn cohort(cohort: profiles::Cohort) -> Cohort {
    let returned_bp = cohort.returned.iter().map(|users| share_bp(*users, cohort.users)).collect();
    Cohort { month: cohort.month, users: cohort.users, returned: cohort.returned, returned_bp }
}

pub(super) async fn stages(scope: &Scope<'_>) -> anyhow::Result<Vec<Stage>> {
    let request = CountStagesRequest { at: Some(units::time::to_proto(scope.end)), at_least: vec![] };
    let count = || {
        let (mut client, request) = (scope.calls.insights(), request.clone());
        async move { client.count_stages(request).await }
    };
    let answer = told(scope.calls.patiently(count).await, "CountStages")?;
    let users = answer.stages.iter().map(|stage| stage.users).sum();
    let stage = |found: profiles::StageCount| Stage {
        stage: found.stage().as_str_name().to_owned(),
        label: label("banyan.profiles.v1.Stage", found.stage, scope.lang),
        users: found.users,
        share_bp: share_bp(found.users, users),
    };
    Ok(answer.stages.into_iter().map(stage).collect())
}

/// By the tenant's own method where none is named.
pub(super) async fn rfm(scope: &Scope<'_>, method: RfmMethod) -> anyhow::Result<Rfm> {
    let at = Some(units::time::to_proto(scope.end));
    let request = CountRfmCellsRequest { at, method: method.into(), at_least: vec![] };
    let count = || {
        let (mut client, request) = (scope.calls.insights(), request.clone());
        async move { client.count_rfm_cells(request).await }
    };
    let answer = told(scope.calls.patiently(count).await, "CountRfmCells")?;
    let cell = |found: profiles::RfmCellCount| {
        anyhow::Ok(RfmCell {
            cell: found.cell().as_str_name().to_owned(),
            label: label("banyan.profiles.v1.RfmCell", found.cell, scope.lang),
            users: found.users,
            net_spend: scope.amount(found.net_spend.as_ref())?,
        })
    };
    let cuts = answer.cuts.unwrap_or_default();
    Ok(Rfm {
        cells: answer.cells.into_iter().map(cell).collect::<Result<_, _>>()?,
        window_days: cuts.window_days,
        recency_days: cuts.recency_days,
        frequency_orders: cuts.frequency_orders,
        monetary_minor: cuts.monetary_minor,
    })
}
