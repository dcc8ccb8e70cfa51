//! Orders, buyers, revenue.

use proto::profiles::v1::{GetSalesRequest, MonthSales, SalesFigures};

use super::Scope;
use crate::demo::calls::told;
use crate::demo::figures::{Month, Sales};

pub(super) async fn sales(scope: &Scope<'_>) -> anyhow::Result<(Sales, Vec<Month>)> {
    let get = || {
        let mut client = scope.calls.insights();
        async move { client.get_sales(GetSalesRequest::default()).await }
    };
    let answer = told(scope.calls.patiently(get).await, "GetSales")?;
    let total = total(scope, &answer.total.unwrap_or_default())?;
    let months = answer.months.into_iter().map(|month| self::month(scope, month)).collect::<Result<_, _>>()?;
    Ok((total, months))
}

fn total(scope: &Scope<'_>, figures: &SalesFigures) -> anyhow::Result<Sales> {
    Ok(Sales {
        orders: figures.orders,
        users: 0, // counted with the stages
        buyers: figures.buyers,
        repeat_buyers: figures.repeat_buyers,
        repurchase_rate_bp: figures.repurchase_rate_bp,
        revenue: scope.amount(figures.revenue.as_ref())?,
        refunded: scope.amount(figures.refunded.as_ref())?,
        pieces: figures.pieces,
    })
}

fn month(scope: &Scope<'_>, month: MonthSales) -> anyhow::Result<Month> {
    let figures = month.figures.unwrap_or_default();
    Ok(Month {
        month: month.month,
        orders: figures.orders,
        buyers: figures.buyers,
        revenue: scope.amount(figures.revenue.as_ref())?,
        refunded: scope.amount(figures.refunded.as_ref())?,
    })
}
