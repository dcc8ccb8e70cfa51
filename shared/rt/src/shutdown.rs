use tokio_util::sync::CancellationToken;

/// The end of a process, in two steps: it is *asked* for, by a signal or by [`Shutdown::ask`], and after a grace in
/// which everything goes on working, so that load balancers see it leave, work *stops*. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    asked: CancellationToken,
    stopping: CancellationToken,
}

impl Shutdown {
    /// One that waits for [`Shutdown::ask`].
    pub fn new() -> Self {
        Self::default()
    }

    /// One that is asked for by SIGTERM or SIGINT. A second signal ends the process at once.
    pub fn on_signal() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let shutdown = Self::new();
        let asked = shutdown.clone();
        crate::tasks::detach(async move {
            for round in 0.. {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if round > 0 {
                    tracing::warn!("a second signal ends the process at once");
                    std::process::exit(1);
                }
                tracing::info!("shutting down");
                asked.ask();
            }
        });
        Ok(shutdown)
    }

    /// Asks for the end.
    pub fn ask(&self) {
        self.asked.cancel();
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until it is asked for.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Tells tasks in the background to stop; a [`Server`](crate::Server) does it when its grace is over. Implies
    /// [`Shutdown::ask`].
    pub fn stop(&self) {
        self.asked.cancel();
        self.stopping.cancel();
    }

    /// Waits until tasks in the background must stop: consumers at the border of a batch, timers, long polls.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// The token of [`Shutdown::stopping`].
    pub fn token(&self) -> CancellationToken {
        self.stopping.clone()
    }
}
