//! Orders.

use std::collections::BTreeMap;

use ids::TenantId;
use proto::common::v1::Position;
use service::Page;
use time::OffsetDateTime;

use super::canonical;
use crate::domain::order::Order;
use crate::domain::refund::TakenRefund;
use crate::domain::refusal::Refusal;
use crate::domain::tenant::Terms;
use crate::error::ProfilesError;
use crate::{Profiles, store};

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
        (after, size): (Option<(OffsetDateTime, &str)>, i32),
        at_least: &[Position],
    ) -> Result<(Page<OrderRecord, (OffsetDateTime, String)>, Terms), ProfilesError> {
        let size = self.page_size(size);
        let (mut tx, terms) = self.read(tenant, at_least).await?;
        let id = canonical(&mut tx, tenant, user_id).await?.unwrap_or_else(|| user_id.to_owned());
        let orders = store::order::list(&mut tx, tenant, &id, after, size + 1).await?;
        let place = |(_, order): &(String, Order)| (order.created_at, order.basket.order_id.clone());
        let page = Page::of(orders, size, place);
        let keys: Vec<(&str, &str)> =
            page.rows.iter().map(|(user, order)| (user.as_str(), order.basket.order_id.as_str())).collect();
        let mut refunds: BTreeMap<String, Vec<TakenRefund>> = BTreeMap::new();
        for (_, taken) in store::refund::load(&mut tx, tenant, &keys).await? {
            refunds.entry(taken.refund.order_id.clone()).or_default().push(taken);
        }
        tx.rollback().await?;
        let record = |(user_id, order): (String, Order)| {
            let refunds = refunds.remove(&order.basket.order_id).unwrap_or_default();
            OrderRecord { user_id, order, refunds }
        };
        Ok((Page { rows: page.rows.into_iter().map(record).collect(), next: page.next }, terms))
    }
}
