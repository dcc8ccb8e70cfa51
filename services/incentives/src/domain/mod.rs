//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod action;
pub mod allocation;
pub mod basket;
pub mod book;
pub mod campaign;
pub mod campaign_refusal;
pub mod chance;
pub mod checkout;
pub mod choice;
pub mod coupon;
pub mod decision;
pub mod deduction;
pub mod desk;
pub mod exposure;
pub mod grant;
pub mod incoming;
pub mod issue;
pub mod order;
pub mod penalty;
pub mod period;
pub mod pricing;
pub mod refund;
pub mod refusal;
pub mod template;
pub mod trigger;
pub mod waterfall;
pub mod why_not;

#[cfg(test)]
mod campaign_model;
#[cfg(test)]
mod pricing_properties;
#[cfg(test)]
mod refund_properties;
#[cfg(test)]
mod retail_cases;
#[cfg(test)]
mod sample;
