//! Every statement finds its rows by an index, and by more of its key than the tenant.

use std::sync::Arc;

use profiles::domain::event::Report;
use profiles::domain::order::{Basket, Line};
use testkit::Plans;

use super::support::*;

/// Reports over all users of a tenant, by how their statements begin.
const REPORTS: [&str; 2] = ["with paid as materialized", "with bought as "];

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let world = world().await;
    let user = |n: usize| format!("u{n}");
    let line = Line {
        line_id: "1".into(),
        sku: "tea".into(),
        category: String::new(),
        quantity: 1,
        list_price: None,
        paid: 10,
        discounts: Vec::new(),
    };
    let order = Arc::new(Basket { lines: vec![line], ..(*basket("o", 10)).clone() });
    let paid = || Report::OrderPaid(Arc::clone(&order));
    world.accept(&(0..256).map(|n| event(&user(n), "p", paid())).collect::<Vec<_>>()).await;
    world.accept(&(0..256).map(|n| event(&user(n), "r", refunded("o", "r", 1))).collect::<Vec<_>>()).await;
    world.accept(&(0..256).map(|n| event(&user(n), "v", Report::Visit(1))).collect::<Vec<_>>()).await;
    Plans::of(profiles::NAME)
        .small(&["tenant", "lifecycle_model", "programme_version"])
        .whole(&REPORTS)
        .check(&world.db)
        .await;
}
