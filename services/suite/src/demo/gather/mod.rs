//! Asks the services for the figures of the report.

mod base;
mod programme;
mod sales;

use jiff::civil::Date;
use time::OffsetDateTime;

use super::calls::Calls;
use super::figures::{Amount, Cohort, Ledger, Level, Month, Points, Rfm, Sales, Stage};
use super::words::Lang;

/// Whom and when the figures are about.
pub(crate) struct Scope<'a> {
    pub(crate) calls: &'a Calls,
    pub(crate) currency: &'a str,
    pub(crate) decimals: u32,
    pub(crate) lang: Lang,
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
        let minor = money.map_or(Ok(0), |money| units::money::from_proto(money, self.currency))?;
        Ok(Amount::new(minor, self.currency, self.decimals))
    }
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
        rfm: base::rfm(scope).await?,
        points: programme::points(scope).await?,
        levels: programme::levels(scope).await?,
        ledger: programme::ledger(scope).await?,
    })
}
