//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod allocation;
pub mod basket;
pub mod checkout;
pub mod choice;
pub mod coupon;
pub mod deduction;
pub mod issue;
pub mod pricing;
pub mod refund;
pub mod refusal;
pub mod template;
pub mod waterfall;
pub mod why_not;

#[cfg(test)]
mod pricing_properties;
#[cfg(test)]
mod refund_properties;
#[cfg(test)]
mod retail_cases;
#[cfg(test)]
mod sample;
