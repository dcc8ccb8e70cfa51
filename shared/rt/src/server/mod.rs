//! The server. A call passes, in this order: request id → trace span (joins the caller's trace) → metrics → load
//! shedding → deadline → authentication → access table → message validation → handler. What can refuse a call comes after
//! what counts it, and what is cheap before what is dear. `edge.rs` has the order on one screen.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use authn::Authenticator;
use authn::access::{MissingAccess, Table};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use validate::{UnsupportedRule, Validator};

use crate::Shutdown;
use crate::tasks::all_of;
use connection::Ends;
use edge::Edge;
use limit::Limit;
use methods::Methods;

mod answer;
mod connection;
mod edge;
mod fault;
mod frames;
mod guard;
mod health;
mod limit;
mod meter;
mod methods;
mod settings;
mod span;

pub use health::Health;
pub use settings::ServerSettings;

/// How long the accept loop rests after an error such as "too many open files", which would otherwise repeat at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long aborted connections may take to disappear.
const ABORT_MAX: Duration = Duration::from_secs(1);
/// A question to the reflection service is a name.
const REFLECTION_BYTES_MAX: usize = 4096;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be bound.
    #[error("the address {0} cannot be bound")]
    Bind(SocketAddr, #[source] io::Error),
    /// A method of the contracts does not say what it needs.
    #[error(transparent)]
    Access(#[from] MissingAccess),
    /// A rule of the contracts cannot be enforced.
    #[error(transparent)]
    Rule(#[from] UnsupportedRule),
    /// The descriptors cannot be served.
    #[error("the reflection service cannot start")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// A gRPC server in the making.
pub struct Server {
    settings: ServerSettings,
    authenticator: Arc<Authenticator>,
    routes: Routes,
    services: Vec<String>,
}

impl Server {
    /// A server without services yet.
    pub fn new(settings: ServerSettings, authenticator: Arc<Authenticator>) -> Self {
        Self { settings, authenticator, routes: Routes::default(), services: Vec::new() }
    }

    /// Adds services. No two routes may hold the same service.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        // Each has the same answer for unknown methods, of which only one can stay.
        let more = routes.into_axum_router().reset_fallback();
        self.routes = Routes::from(self.routes.into_axum_router().merge(more));
        self
    }

    /// Names the services that health tells of and reflection shows, such as `banyan.levels.v1.PointsService`.
    #[must_use]
    pub fn services<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.services.extend(names.into_iter().map(Into::into));
        self
    }

    /// Takes the address and checks the contracts. Calls are answered from [`Bound::serve`] on.
    pub async fn bind(self) -> Result<Bound, ServeError> {
        let Self { settings, authenticator, mut routes, services } = self;
        crate::names::describe();
        if settings.reflection {
            routes = add_reflection(routes, &services).map_err(ServeError::Reflection)?;
        }
        let health = Health::new(services);
        let routes = health.add_to(routes).prepare();
        let access = Table::from_pool(&proto::POOL)?;
        let validator = Arc::new(Validator::new(&proto::POOL)?);
        let listener = TcpListener::bind(settings.address).await;
        let listener = listener.map_err(|error| ServeError::Bind(settings.address, error))?;
        let address = listener.local_addr().map_err(|error| ServeError::Bind(settings.address, error))?;
        let (methods, limit) = (Methods::new(&settings), Limit::new(&settings));
        let (writes, stop) = (TaskTracker::new(), tokio_util::sync::CancellationToken::new());
        let edge = Edge { settings, methods, limit, authenticator, access, validator, routes, writes, stop };
        Ok(Bound { listener, address, health, edge: Arc::new(edge) })
    }
}

fn add_reflection(routes: Routes, services: &[String]) -> Result<Routes, tonic_reflection::server::Error> {
    let mut builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    if !services.is_empty() {
        builder = builder.with_service_name("grpc.health.v1.Health");
    }
    for name in services {
        builder = builder.with_service_name(name);
    }
    Ok(routes.add_service(builder.build_v1()?.max_decoding_message_size(REFLECTION_BYTES_MAX)))
}

/// A server that has its address.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    health: Health,
    edge: Arc<Edge>,
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients name it.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it tells of itself.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Serves until the shutdown is asked for, then drains: health says NOT_SERVING while everything goes on for the
    /// grace; long polls and tasks in the background stop; clients are asked to leave; running calls and writes finish,
    /// within the bound of the settings. Says whether all of them did.
    pub async fn serve(self, shutdown: Shutdown) -> bool {
        let Self { listener, address, health, edge } = self;
        let (connections, ends) = (TaskTracker::new(), Ends::default());
        health.set_all(true).await;
        tracing::info!(%address, "serving");
        let accepting = accept(&listener, &edge, &connections, &ends);
        let graceful_end = async {
            shutdown.asked().await;
            health.set_all(false).await;
            tokio::time::sleep(edge.settings.drain_grace()).await;
        };
        tokio::select! {
            () = accepting => {}
            () = graceful_end => {}
        }
        shutdown.stop();
        edge.stop.cancel();
        drop(listener);
        ends.leave.cancel();
        let until = Instant::now() + edge.settings.drain_max();
        let calls_ended = all_of(&connections, edge.settings.drain_max()).await;
        if !calls_ended {
            tracing::warn!(connections = connections.len(), "calls took too long to drain and are cut off");
            ends.abort.cancel();
            all_of(&connections, ABORT_MAX).await;
        }
        // Only now, because a running call may still have begun a write.
        let writes_ended = all_of(&edge.writes, until.saturating_duration_since(Instant::now())).await;
        if !writes_ended {
            tracing::warn!(writes = edge.writes.len(), "writes took too long to drain");
        }
        calls_ended && writes_ended
    }
}

async fn accept(listener: &TcpListener, edge: &Arc<Edge>, connections: &TaskTracker, ends: &Ends) {
    let places = Arc::new(Semaphore::new(edge.settings.connections_max.min(Semaphore::MAX_PERMITS)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                prepare(&stream);
                let served = connection::serve(stream, Arc::clone(edge), ends.clone());
                connections.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small packets of a connection may be delayed");
    }
}
