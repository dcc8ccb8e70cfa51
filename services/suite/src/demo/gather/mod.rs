//! Asks the services for the figures of the report.

mod base;
mod logs;
mod programme;
mod sales;
mod shop;
mod story;

use jiff::civil::Date;
use proto::profiles::v1::{GetModelsRequest, Models, RfmMethod};
use time::OffsetDateTime;

pub(crate) use self::shop::year;
use super::calls::{Calls, told};
use super::figures::{Amount, Cohort, Ledger, Level, Month, Points, Rfm, Sales, Stage};
use super::local::Local;
use super::words::Lang;

/// Whom and when the figures are about.
pub(crate) struct Scope<'a> {
    pub(crate) calls: &'a Calls,
    pub(crate) currency: &'a str,
    pub(crate) decimals: u32,
    pub(crate) lang: Lang,
    pub(crate) local: &'a Local,
    /// The first and last day that have events.
    pub(crate) days: (Date, Date),
    /// The instant after the last day.
    pub(crate) end: OffsetDateTime,
}

/// What the services answered.
pub(crate) struct Gathered {
    pub(crate) sales: Sales,
    pub(crate) months: Vec<Month>,
    pub(crate) cohorts: Vec<Cohort>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) rfm: Rfm,
    pub(crate) points: Vec<Points>,
    pub(crate) levels: Vec<Level>,
    pub(crate) ledger: Ledger,
}

impl Scope<'_> {
    fn amount(&self, money: Option<&proto::google::r#type::Money>) -> anyhow::Result<Amount> {
        Ok(self.minor(money.map_or(Ok(0), |money| units::money::from_proto(money, self.currency))?))
    }

    fn minor(&self, minor: i64) -> Amount {
        Amount::new(minor, self.currency, self.decimals)
    }
}

/// Asks for the RFM cells by the payers' quintiles, or by the tenant's own method.
pub(crate) async fn rfm_cells(scope: &Scope<'_>, by_quintiles: bool) -> anyhow::Result<Rfm> {
    base::rfm(scope, if by_quintiles { RfmMethod::Quintiles } else { RfmMethod::Unspecified }).await
}

/// Asks for the tenant's stage and RFM models.
pub(crate) async fn models(scope: &Scope<'_>) -> anyhow::Result<Models> {
    let get = || {
        let mut client = scope.calls.lifecycle();
        async move { client.get_models(GetModelsRequest {}).await }
    };
    Ok(told(scope.calls.patiently(get).await, "GetModels")?.models.unwrap_or_default())
}

/// Asks for everything.
pub(crate) async fn gather(scope: &Scope<'_>) -> anyhow::Result<Gathered> {
    let (mut sales, months) = sales::sales(scope).await?;
    let stages = base::stages(scope).await?;
    sales.users = stages.iter().map(|stage| stage.users).sum();
    Ok(Gathered {
        sales,
        months,
        cohorts: base::cohorts(scope).await?,
        stages,
        rfm: base::rfm(scope, RfmMethod::Unspecified).await?,
        points: programme::points(scope).await?,
        levels: programme::levels(scope).await?,
        ledger: programme::ledger(scope).await?,
    })
}
