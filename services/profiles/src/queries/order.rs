//! Orders.

use std::collections::BTreeMap;

use ids::TenantId;
use proto::common::v1::Position;
use time::OffsetDateTime;

use super::{Page, PageRequest, canonical, cut};
use crate::domain::order::Order;
use crate::domain::refund::TakenRefund;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::{Profiles, store};

const LIST: &str = "OrderService/ListOrders";

/// An order with its refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    /// The user's canonical id.
    pub user_id: String,
    /// The order.
    pub order: Order,
    /// Its refunds in order of arrival, applied and parked.
    pub refunds: Vec<TakenRefund>,
}

impl Profiles {
    /// See `OrderService.GetOrder`.
    pub async fn get_order(
        &self,
        tenant: &TenantId,
        (user_id, order_id): (&str, &str),
        at_least: &[Position],
    ) -> Result<(OrderRecord, Terms), ProfilesError> {
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let not_found = || Refusal::OrderNotFound { order_id: order_id.to_owned() };
        let user_id = canonical(&mut tx, tenant, user_id).await?.ok_or_else(not_found)?;
        let key = [(user_id.as_str(), order_id)];
        let (_, order) = store::order::load(&mut tx, tenant, &key).await?.pop().ok_or_else(not_found)?;
        let refunds = store::refund::load(&mut tx, tenant, &key).await?;
        tx.rollback().await?;
        let refunds = refunds.into_iter().map(|(_, taken)| taken).collect();
        Ok((OrderRecord { user_id, order, refunds }, terms))
    }

    /// See `OrderService.ListOrders`. An unknown user has no orders.
    pub async fn list_orders(
        &self,
        tenant: &TenantId,
        user_id: &str,
        page: &PageRequest,
        at_least: &[Position],
    ) -> Result<(Page<OrderRecord>, Terms), ProfilesError> {
        let args = page::args_hash(tenant, [user_id.as_bytes()]);
        let after = match page.token.as_str() {
            "" => None,
            token => Some(place(&self.tokens.open(LIST, args, token)?).ok_or(page::BadToken)?),
        };
        let size = self.page_size(page);
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let id = canonical(&mut tx, tenant, user_id).await?.unwrap_or_else(|| user_id.to_owned());
        let after = after.as_ref().map(|(created_at, order_id)| (*created_at, order_id.as_str()));
        let mut orders = store::order::list(&mut tx, tenant, &id, after, size + 1).await?;
        let more = cut(&mut orders, size);
        let keys: Vec<(&str, &str)> =
            orders.iter().map(|(user, order)| (user.as_str(), order.basket.order_id.as_str())).collect();
        let mut refunds: BTreeMap<String, Vec<TakenRefund>> = BTreeMap::new();
        for (_, taken) in store::refund::load(&mut tx, tenant, &keys).await? {
            refunds.entry(taken.refund.order_id.clone()).or_default().push(taken);
        }
        tx.rollback().await?;
        let last = orders.last().filter(|_| more).map(|(_, order)| {
            let micros = order.created_at.unix_timestamp_nanos() / 1_000;
            [micros.to_string(), order.basket.order_id.clone()]
        });
        let next_page_token = last.map_or(String::new(), |last| self.tokens.seal(LIST, args, &last));
        let record = |(user_id, order): (String, Order)| {
            let refunds = refunds.remove(&order.basket.order_id).unwrap_or_default();
            OrderRecord { user_id, order, refunds }
        };
        Ok((Page { rows: orders.into_iter().map(record).collect(), next_page_token }, terms))
    }
}

/// The sort key of the last order shown.
fn place(key: &[String]) -> Option<(OffsetDateTime, String)> {
    let [micros, order_id] = key else { return None };
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
    Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, order_id.clone()))
}
