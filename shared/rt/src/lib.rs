//! The gRPC runtime: what stands between a socket and a handler, and between a process and its end.
//!
//! * [`Server`] serves generated services behind one fixed order of layers (see [`server`]) and drains within a bound.
//! * [`write()`] runs a write to its end even when its caller goes away; [`replayed`] marks the answer of a repeated one.
//! * [`connect`] gives generated clients a channel that passes on the deadline, the trace and the identity of the call
//!   that it is used in, and repeats what is safe to repeat.
//! * [`spawn`] and [`Shutdown`] are for the tasks in the background: the end of the process knows every one of them.

mod call;
pub mod client;
mod names;
mod replay;
pub mod server;
mod shutdown;
mod tasks;
mod timeout;

pub use call::{deadline, remaining};
pub use client::{Channel, ClientSettings, TokenSource, connect, repeatable};
pub use replay::{REPLAYED_TRAILER, replayed, replayed_status};
pub use server::{Health, Server, ServerSettings};
pub use shutdown::Shutdown;
pub use tasks::{finished, spawn, write};
