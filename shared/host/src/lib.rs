//! Puts services into one process: their logs, consumers and timers behind one server.
//!
//! A service describes itself as a [`Part`]. A process is a list of parts: one when a service is deployed alone, all of
//! them in the suite. Either way services reach each other over a socket: [`Settings::sources`] says where each log is
//! served, and a log that no address is set for is looked for in the process itself.
//!
//! [`main`] is the whole of a service's `main.rs`.

/// A call makes many small things in one thread that another one drops.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod assembly;
mod part;
mod peers;
mod program;
mod settings;
mod timers;
mod token;

pub use assembly::{Assembly, Hand, Services};
pub use part::{Kit, Part};
pub use peers::Peers;
pub use program::{Program, main};
pub use settings::{DEFAULTS, PageSettings, RedisSettings, Settings};
pub use timers::Timers;
pub use token::Token;
