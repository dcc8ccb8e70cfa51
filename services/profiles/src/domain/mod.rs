//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

pub mod clock;
pub mod event;
pub mod insight;
pub mod lifecycle;
pub mod order;
pub mod profile;
pub mod programme;
pub mod refund;
pub mod refusal;
pub mod rfm;
pub mod spend;
pub mod stage_hold;
pub mod tenant;
pub mod user;
