use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::edge::Edge;
use super::settings::ServerSettings;

/// Streams that a client opened and reset before we looked at them; more end the connection (rapid reset).
const PENDING_RESETS_MAX: usize = 20;
/// Streams that we reset for errors of the client's; more end the connection.
const ERROR_RESETS_MAX: usize = 1024;

/// How connections end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ends {
    /// They take no more calls and finish those that they have.
    pub(crate) leave: CancellationToken,
    /// They end at once.
    pub(crate) abort: CancellationToken,
}

/// Serves one connection until it ends. tonic's own server is not used because it answers a passed deadline with
/// CANCELLED, kills connections at the end of their age without GOAWAY where a grace is set, and waits for ever in a
/// drain.
pub(crate) async fn serve(stream: TcpStream, edge: Arc<Edge>, ends: Ends) {
    let builder = builder(&edge.settings);
    let (age, grace) = lifetime(&edge.settings);
    let service = service_fn(move |request: Request<Incoming>| {
        let edge = Arc::clone(&edge);
        async move { Ok::<_, Infallible>(edge.serve(request.map(Body::new)).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut leaving = false;
    // First the age, then the grace.
    let mut clock = pin!(tokio::time::sleep(age));
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = &mut clock => {
                if leaving {
                    return;
                }
                leaving = true;
                clock.as_mut().reset(Instant::now() + grace);
                connection.as_mut().graceful_shutdown();
            }
            () = ends.leave.cancelled(), if !leaving => {
                leaving = true;
                clock.as_mut().reset(Instant::now() + grace);
                connection.as_mut().graceful_shutdown();
            }
            () = ends.abort.cancelled() => return,
        }
    }
}

fn builder(settings: &ServerSettings) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.connection_calls_max)
        .max_header_list_size(settings.header_bytes_max)
        .keep_alive_interval(Duration::from_millis(settings.keepalive_interval_ms))
        .keep_alive_timeout(Duration::from_millis(settings.keepalive_timeout_ms))
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX);
    builder
}

/// How old this connection gets, and how long its last calls may take then. Clients that connected together must not all
/// come back together, so the age differs by up to a tenth.
fn lifetime(settings: &ServerSettings) -> (Duration, Duration) {
    let spread = rand::random_range(0.9..1.1);
    let age = Duration::from_millis(settings.connection_age_ms_max).mul_f64(spread);
    (age, Duration::from_millis(settings.connection_age_grace_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_differ_by_at_most_a_tenth() {
        let settings = ServerSettings::default();
        let ages: Vec<f64> = (0..200).map(|_| lifetime(&settings).0.as_secs_f64()).collect();
        assert!(ages.iter().all(|age| (270.0..330.0).contains(age)));
        assert!(ages.iter().any(|age| *age != ages[0]));
    }
}
