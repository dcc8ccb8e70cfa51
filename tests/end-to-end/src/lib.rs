//! Tools to call the suite from outside without knowing its types: requests are built from JSON and descriptors, sent as
//! bytes, and answers read back the same way. So a test can treat every RPC of the contract alike.

pub mod contract;
pub mod harness;
pub mod samples;
pub mod wire;
