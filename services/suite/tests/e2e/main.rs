//! The whole suite from outside: its programs as processes, a database and a Redis of the test, nothing but gRPC between.
#![allow(clippy::unwrap_used)]

mod faults;
mod figures;
mod ledger;
mod proposals;
mod run;
