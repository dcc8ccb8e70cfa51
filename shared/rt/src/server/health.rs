use std::sync::Arc;

use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// A health request is a service's name.
const MESSAGE_BYTES_MAX: usize = 1024;

/// What the server tells of itself: of each service by its name, and of all by the empty name.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    names: Arc<[String]>,
}

impl Health {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { reporter: HealthReporter::new(), names: names.into() }
    }

    /// Says whether one service serves. A server sets every one to serving when it starts.
    pub async fn set(&self, service: &str, serving: bool) {
        self.reporter.set_service_status(service, status(serving)).await;
    }

    pub(crate) async fn set_all(&self, serving: bool) {
        self.set("", serving).await;
        for name in self.names.iter() {
            self.set(name, serving).await;
        }
    }

    pub(crate) fn add_to(&self, routes: Routes) -> Routes {
        let service = HealthService::from_health_reporter(self.reporter.clone());
        routes.add_service(HealthServer::new(service).max_decoding_message_size(MESSAGE_BYTES_MAX))
    }
}

fn status(serving: bool) -> ServingStatus {
    if serving { ServingStatus::Serving } else { ServingStatus::NotServing }
}
