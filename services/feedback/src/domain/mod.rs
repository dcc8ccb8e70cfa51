//! What is decided here, as pure functions over loaded state: no clock, no store, no wire format.

mod coded;

pub mod act;
pub mod calendar;
pub mod case;
pub mod case_type;
pub mod classification;
pub mod clock;
pub mod entry;
pub mod figures;
pub mod handling;
pub mod queue;
pub mod refusal;
pub mod rulebook;
pub mod sla_policy;
pub mod standing;
pub mod stopwatch;
pub mod submission;
pub mod triage;

#[cfg(test)]
mod calendar_properties;
#[cfg(test)]
mod handling_tests;
#[cfg(test)]
mod stage;
