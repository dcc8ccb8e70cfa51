use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use authn::Authenticator;
use eventlog::grpc::{Consumers, Logs};
use eventlog::{ConsumerSettings, Consuming, Log};
use futures::future::join_all;
use proto::admin::v1::consumer_service_server::{ConsumerServiceServer, SERVICE_NAME as CONSUMERS};
use proto::admin::v1::timer_service_server::{SERVICE_NAME as TIMERS, TimerServiceServer};
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::event_log_service_server::{EventLogServiceServer, SERVICE_NAME as EVENT_LOG};
use rt::{ClientSettings, Server, ServerSettings, Shutdown};
use tonic::service::Routes;

use crate::Peers;
use crate::part::{Part, Timer, Waiting};
use crate::timers::{Hosted, HostedTimers};
use crate::token::Token;

/// How long consumers and timers may take to end after the server has drained.
const TASKS_MAX: Duration = Duration::from_secs(5);
/// How long pools may take to close.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How the parts of a process reach each other and the world.
pub struct Services {
    /// Where calls are taken.
    pub server: ServerSettings,
    /// Whose tokens are accepted.
    pub authn: authn::AuthnSettings,
    /// Calls to other services.
    pub client: ClientSettings,
    /// Consumers.
    pub consumer: ConsumerSettings,
    /// Where logs outside this process are served.
    pub sources: BTreeMap<String, String>,
    /// The token by which consumers read logs.
    pub token: Token,
    /// Told where the services are, for the parts that were given it.
    pub peers: Peers,
    /// Seals and opens page tokens of what the process itself serves.
    pub pages: page::Tokens,
}

/// A process with its address taken, ready to serve.
pub struct Assembly {
    server: rt::server::Bound,
    logs: Vec<Arc<Log>>,
    parts: Vec<Rest>,
    client: ClientSettings,
    consumer: ConsumerSettings,
    sources: BTreeMap<String, String>,
    token: Token,
    peers: Peers,
}

/// A consumer that moves only when it is told to.
pub struct Hand {
    /// The service that consumes.
    pub service: &'static str,
    /// The consumer.
    pub consumer: Arc<dyn Consuming>,
}

/// What is left of a part when its routes are with the server.
struct Rest {
    name: &'static str,
    db: pg::Db,
    consumers: Vec<Waiting>,
    timers: Vec<Timer>,
}

impl Assembly {
    /// Puts the parts behind one server and takes its address. Besides their own services the process serves the event
    /// logs and the consumers of all of them.
    pub async fn bind(services: Services, parts: Vec<Part>) -> anyhow::Result<Self> {
        let hosted: BTreeSet<&str> = parts.iter().map(Part::name).collect();
        for part in &parts {
            for consumer in &part.consumers {
                if !hosted.contains(consumer.source) && !services.sources.contains_key(consumer.source) {
                    bail!("{} reads the log of {}: set sources.{1}", part.name(), consumer.source);
                }
            }
        }
        let authenticator = Arc::new(Authenticator::new(services.authn).await.context("authn")?);
        let logs: Vec<Arc<Log>> = parts.iter().map(|part| Arc::clone(&part.log)).collect();
        let mut server = Server::new(services.server, authenticator)
            .routes(own_routes(&logs, &parts, services.pages))
            .services([EVENT_LOG, CONSUMERS, TIMERS]);
        let mut rest = Vec::new();
        for Part { db, log, routes, services, consumers, timers, due: _ } in parts {
            server = server.routes(routes).services(services);
            rest.push(Rest { name: log.source(), db, consumers, timers });
        }
        let server = server.bind().await?;
        let Services { client, consumer, sources, token, peers, .. } = services;
        Ok(Self { server, logs, parts: rest, client, consumer, sources, token, peers })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Takes consumers and timers out of the process: it serves calls and does nothing by itself, and whoever has the
    /// consumers moves them. For tests that choose in which order services learn of what happened.
    pub fn by_hand(&mut self) -> anyhow::Result<Vec<Hand>> {
        let mut hands = Vec::new();
        for index in 0..self.parts.len() {
            self.parts[index].timers.clear();
            let service = self.parts[index].name;
            for waiting in std::mem::take(&mut self.parts[index].consumers) {
                hands.push(Hand { service, consumer: self.consumer(waiting)? });
            }
        }
        Ok(hands)
    }

    /// A consumer on its source.
    fn consumer(&self, waiting: Waiting) -> anyhow::Result<Arc<dyn Consuming>> {
        let own = self.server.uri();
        let uri = self.sources.get(waiting.source).unwrap_or(&own);
        let token = Arc::clone(&self.token);
        let channel = rt::connect(uri, &polling(&self.client, &self.consumer))?.with_token(move || token());
        // reading twice is harmless, and a source that is released anew is no failure to back off from
        Ok((waiting.make)(EventLogServiceClient::new(channel.repeat_all()), &self.consumer))
    }

    /// Every service that this process can reach: its own over its own address, the way others reach them.
    fn channels(&self, own: &str) -> anyhow::Result<BTreeMap<String, rt::Channel>> {
        let hosted = self.parts.iter().map(|part| (part.name.to_owned(), own));
        let others = self.sources.iter().map(|(name, uri)| (name.clone(), uri.as_str()));
        let connect = |(name, uri): (String, &str)| {
            let token = Arc::clone(&self.token);
            Ok((name, rt::connect(uri, &self.client)?.with_token(move || token())))
        };
        hosted.chain(others).map(connect).collect()
    }

    /// Serves until the shutdown is asked for and everything has drained: health says NOT_SERVING, consumers and timers
    /// stop at the border of a batch, clients leave, running calls and writes finish, pools close. Says whether all of
    /// it ended within its bounds.
    pub async fn serve(mut self, shutdown: Shutdown) -> bool {
        let own = self.server.uri();
        match self.channels(&own) {
            Ok(channels) => self.peers.found(channels),
            Err(error) => {
                tracing::error!(%error, "an address of another service cannot be used");
                shutdown.ask();
            }
        }
        for log in &self.logs {
            let (log, stop) = (Arc::clone(log), shutdown.token());
            rt::spawn(async move { log.run(stop).await });
        }
        let mut pools = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            for waiting in part.consumers {
                let source = waiting.source;
                match self.consumer(waiting) {
                    Ok(consumer) => drop(rt::spawn(consumer.run(shutdown.token()))),
                    Err(error) => {
                        tracing::error!(service = part.name, source, %error, "a consumer has no source");
                        shutdown.ask();
                    }
                }
            }
            for timer in part.timers {
                rt::spawn(repeat(timer, shutdown.clone()));
            }
            pools.push(part.db);
        }
        let drained = self.server.serve(shutdown).await;
        let finished = rt::finished(TASKS_MAX).await;
        let closed = tokio::time::timeout(CLOSE_MAX, join_all(pools.iter().map(pg::Db::close))).await.is_ok();
        if !(finished && closed) {
            tracing::warn!(finished, closed, "the process ends with work under way");
        }
        drained && finished && closed
    }
}

/// The services about logs, consumers and timers, over all parts.
fn own_routes(logs: &[Arc<Log>], parts: &[Part], pages: page::Tokens) -> Routes {
    let (read, administer) = (Logs::new(logs.to_vec()), Consumers::new(logs.to_vec(), pages));
    let hosted = |part: &Part| (part.name(), Hosted { log: Arc::clone(&part.log), timers: part.due.clone() });
    let timers = HostedTimers(parts.iter().map(hosted).collect());
    Routes::new(EventLogServiceServer::new(read))
        .add_service(ConsumerServiceServer::new(administer))
        .add_service(TimerServiceServer::new(timers))
}

/// Settings of clients whose calls wait for events.
fn polling(client: &ClientSettings, consumer: &ConsumerSettings) -> ClientSettings {
    let call_ms_max = client.call_ms_max.saturating_add(consumer.wait_s.saturating_mul(1000));
    ClientSettings { call_ms_max, ..client.clone() }
}

async fn repeat(mut timer: Timer, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.stopping() => return,
            () = tokio::time::sleep(timer.every) => {}
        }
        tracing::trace!(timer = timer.name, "a timer is due");
        (timer.work)().await;
    }
}
