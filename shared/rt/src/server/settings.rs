use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

/// Where a server listens, and its limits. Every default suits a service with a pool of 16 connections.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether clients may ask for the contracts (gRPC reflection).
    pub reflection: bool,
    /// Calls worked on at once, over all connections; one more is refused with OVERLOADED. Long polls and health checks
    /// do not count.
    pub calls_max: usize,
    /// Long polls (`EventLogService/Pull`) at once.
    pub pulls_max: usize,
    /// Connections at once; further ones wait.
    pub connections_max: usize,
    /// Calls at once on one connection; clients wait with further ones.
    pub connection_calls_max: u32,
    /// Largest message that is read, in bytes.
    pub message_bytes_max: usize,
    /// Largest message that is sent, in bytes.
    pub answer_bytes_max: usize,
    /// Most bytes of a call's headers.
    pub header_bytes_max: u32,
    /// The time that a call with one answer has, where its caller grants no less.
    pub call_ms_max: u64,
    /// The same for long polls, which wait up to 20 s for something to happen.
    pub pull_ms_max: u64,
    /// The same for calls with a stream of answers or requests, until the last one.
    pub stream_ms_max: u64,
    /// A connection is pinged when nothing was heard for so long…
    pub keepalive_interval_ms: u64,
    /// …and closed when the answer takes longer than this.
    pub keepalive_timeout_ms: u64,
    /// A connection is asked to end after this time, ±10 % at random, so that clients spread over new replicas…
    pub connection_age_ms_max: u64,
    /// …and closed this much later if calls are still running.
    pub connection_age_grace_ms: u64,
    /// How long a server that was asked to end goes on as before while health says NOT_SERVING, so that load balancers
    /// take it out first. 0 in tests and on a developer's machine.
    pub drain_grace_ms: u64,
    /// How long running calls and writes may take after that.
    pub drain_ms_max: u64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 50051)),
            reflection: false,
            calls_max: 512,
            pulls_max: 256,
            connections_max: 1000,
            connection_calls_max: 128,
            message_bytes_max: 1024 * 1024,
            answer_bytes_max: 4 * 1024 * 1024,
            header_bytes_max: 16 * 1024,
            call_ms_max: 2_000,
            pull_ms_max: 25_000,
            stream_ms_max: 600_000,
            keepalive_interval_ms: 10_000,
            keepalive_timeout_ms: 5_000,
            connection_age_ms_max: 300_000,
            connection_age_grace_ms: 30_000,
            drain_grace_ms: 3_000,
            drain_ms_max: 10_000,
        }
    }
}

impl ServerSettings {
    /// For tests: a free port, no grace when it ends.
    pub fn for_tests() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), drain_grace_ms: 0, ..Self::default() }
    }

    pub(crate) fn drain_grace(&self) -> Duration {
        Duration::from_millis(self.drain_grace_ms)
    }

    pub(crate) fn drain_max(&self) -> Duration {
        Duration::from_millis(self.drain_ms_max)
    }
}
