//! How every service answers.
//!
//! A write is one transaction: lock, look up the request id ([`earlier`]), decide, write, append to the log, record the
//! answer, commit ([`Core::finish`]); a refusal that depends on what is stored is recorded too ([`refuse`]). A read waits
//! for the positions that it was given ([`Core::read`]). Both fail with a [`Failure`], which knows its status. Handlers
//! parse with [`Parse`], call, and wrap with [`write()`]. What operators published is
//! kept in memory by a [`Catalogue`]. Calls that come often share transactions: writes by a [`Batcher`],
//! which hands them on together and finishes them as a [`Batch`], reads by a [`Gatherer`].

mod answer;
mod batch;
mod batcher;
mod catalogue;
mod core;
mod failure;
mod gatherer;
mod list;
mod parse;
pub mod rows;

pub use answer::{Answer, decoded, earlier, only, refuse, settled, write};
pub use batch::{Batch, Decided};
pub use batcher::{Batcher, Together};
pub use catalogue::{Catalogue, Held, Published};
pub use core::Core;
pub use failure::{Failure, Refuse};
pub use gatherer::{Gather, Gatherer};
pub use list::{List, Page};
pub use parse::{Parse, mask};
