//! All services in one process, and the main job.
//!
//! `banyan-suite` hosts the services on one port, over Postgres and Redis of the environment or private ones in a data
//! folder. `banyan-demo` is a client of it: it replays a shop's orders and prints what a manager wants to see. The demo
//! reaches the services through their contracts alone, over a socket.

pub mod demo;
pub mod folder;
pub mod processes;
pub mod server;
