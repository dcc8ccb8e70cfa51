use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use eventlog::{Consume, Consumer, ConsumerSettings, Consuming, Log};
use futures::future::BoxFuture;
use pg::Db;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::service::Routes;

use crate::{Peers, Timers};

/// What a service is started with.
pub struct Kit<S> {
    /// The service's pool of connections.
    pub db: Db,
    /// Its event log.
    pub log: Arc<Log>,
    /// Seals and opens page tokens.
    pub pages: page::Tokens,
    /// The other services, and this one as they reach it.
    pub peers: Peers,
    /// Its own settings.
    pub settings: S,
}

/// A client of the service whose log a consumer reads.
pub(crate) type Source = EventLogServiceClient<rt::Channel>;
/// Work under way.
pub(crate) type Running = BoxFuture<'static, ()>;

/// Gives a consumer its source.
type MakeConsumer = dyn FnOnce(Source, &ConsumerSettings) -> Arc<dyn Consuming> + Send;

/// A consumer that has not been given its source yet.
pub(crate) struct Waiting {
    pub(crate) source: &'static str,
    pub(crate) make: Box<MakeConsumer>,
}

/// Work that comes back.
pub(crate) struct Timer {
    pub(crate) name: &'static str,
    pub(crate) every: Duration,
    pub(crate) work: Box<dyn FnMut() -> Running + Send>,
}

/// One service in a process.
pub struct Part {
    pub(crate) db: Db,
    pub(crate) log: Arc<Log>,
    pub(crate) routes: Routes,
    pub(crate) services: Vec<&'static str>,
    pub(crate) consumers: Vec<Waiting>,
    pub(crate) timers: Vec<Timer>,
    pub(crate) due: Option<Arc<dyn Timers>>,
}

impl Part {
    /// A service that does nothing yet. Its name is that of its schema.
    #[must_use]
    pub fn new(db: Db, log: Arc<Log>) -> Self {
        let (services, consumers, timers) = (Vec::new(), Vec::new(), Vec::new());
        Self { db, log, routes: Routes::default(), services, consumers, timers, due: None }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.log.source()
    }

    /// Serves a generated service, such as `PointsServiceServer::new(…)`; health tells of it by its full name.
    #[must_use]
    pub fn serve<T>(mut self, service: T) -> Self
    where
        T: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + NamedService,
        T: Clone + Send + Sync + 'static,
        T::Future: Send + 'static,
    {
        self.services.push(T::NAME);
        self.routes = self.routes.add_service(service);
        self
    }

    /// Consumes another service's log.
    #[must_use]
    pub fn consume(mut self, handler: impl Consume) -> Self {
        let (log, source) = (Arc::clone(&self.log), handler.source());
        let make = move |client: Source, settings: &ConsumerSettings| -> Arc<dyn Consuming> {
            Consumer::with_settings(log, handler, client, settings.clone())
        };
        self.consumers.push(Waiting { source, make: Box::new(make) });
        self
    }

    /// Has timers by tenant: they run now and again, and a sandbox's clock is moved from one to the next.
    #[must_use]
    pub fn due(mut self, timers: Arc<dyn Timers>) -> Self {
        self.due = Some(timers);
        self
    }

    /// Runs work again and again, `every` after it last ended. Work that is under way when the process ends is finished,
    /// so it must be short.
    #[must_use]
    pub fn timer<F, Fut>(mut self, name: &'static str, every: Duration, mut work: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.timers.push(Timer { name, every, work: Box::new(move || Box::pin(work())) });
        self
    }
}
