//! A service whose methods do what the test asks for by the scheme's id.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::levels::v1::level_service_server::LevelService;
use proto::levels::v1::{
    CountMembersRequest, CountMembersResponse, ExplainLevelRequest, ExplainLevelResponse, GetMemberRequest,
    GetMemberResponse, GetSchemeRequest, GetSchemeResponse, GetStandingRequest, GetStandingResponse,
    ListLevelMovesRequest, ListLevelMovesResponse, ListSchemesRequest, ListSchemesResponse, PublishSchemeRequest,
    PublishSchemeResponse, Scheme, SimulateSchemeRequest, SimulateSchemeResponse,
};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

/// What the tests watch and steer.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Calls for the scheme `wait` take one permit to finish.
    pub(crate) gate: Semaphore,
    /// How many calls wait at the gate or have passed it.
    pub(crate) arrived: Semaphore,
    /// Writes begun and ended, by request id.
    pub(crate) writes: Mutex<BTreeMap<String, (u32, u32)>>,
    /// What the newest call knew of its deadline.
    pub(crate) remaining: Mutex<Option<Duration>>,
    /// The span that the newest call ran in.
    pub(crate) traceparent: Mutex<String>,
}

impl Default for Watch {
    fn default() -> Self {
        let (gate, arrived) = (Semaphore::new(0), Semaphore::new(0));
        Self { gate, arrived, writes: Mutex::default(), remaining: Mutex::default(), traceparent: Mutex::default() }
    }
}

impl Watch {
    /// Waits until so many calls have come to the gate since the last wait.
    pub(crate) async fn arrived(&self, calls: u32) {
        let waiting = self.arrived.acquire_many(calls);
        tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("calls arrive").unwrap().forget();
    }

    pub(crate) fn open(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    async fn pass(&self) {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Levels(pub(crate) Arc<Watch>);

#[tonic::async_trait]
impl LevelService for Levels {
    async fn publish_scheme(
        &self,
        request: Request<PublishSchemeRequest>,
    ) -> Result<Response<PublishSchemeResponse>, Status> {
        let watch = Arc::clone(&self.0);
        let PublishSchemeRequest { request_id: id, scheme, .. } = request.into_inner();
        let known = watch.writes.lock().unwrap().get(&id).is_some_and(|(_, ended)| *ended > 0);
        let scheme_id = scheme.as_ref().map(|scheme| scheme.scheme_id.clone()).unwrap_or_default();
        let answer = rt::write::<_, Status, _>(async move {
            watch.writes.lock().unwrap().entry(id.clone()).or_default().0 += 1;
            match scheme_id.as_str() {
                "wait" => watch.pass().await,
                "panic" => panic!("secret"),
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            watch.writes.lock().unwrap().entry(id).or_default().1 += 1;
            Ok(PublishSchemeResponse { scheme, position: None })
        })
        .await?;
        let response = Response::new(answer);
        Ok(if known { rt::replayed(response) } else { response })
    }

    async fn get_scheme(&self, request: Request<GetSchemeRequest>) -> Result<Response<GetSchemeResponse>, Status> {
        *self.0.remaining.lock().unwrap() = rt::remaining();
        *self.0.traceparent.lock().unwrap() = telemetry::current_traceparent();
        let scheme_id = request.into_inner().scheme_id;
        match scheme_id.as_str() {
            "wait" => self.0.pass().await,
            "panic" => panic!("secret"),
            "internal" => return Err(Status::internal("secret")),
            "unknown" => return Err(Status::unknown("secret")),
            "refused" => return Err(rt::replayed_status(Status::failed_precondition("as before"))),
            _ => {}
        }
        let point_type_id = if scheme_id == "large" { "x".repeat(5 * 1024 * 1024) } else { String::new() };
        Ok(Response::new(GetSchemeResponse { scheme: Some(Scheme { scheme_id, point_type_id, ..Scheme::default() }) }))
    }

    async fn get_standing(&self, _: Request<GetStandingRequest>) -> Result<Response<GetStandingResponse>, Status> {
        Ok(Response::new(GetStandingResponse::default()))
    }

    async fn get_member(&self, _: Request<GetMemberRequest>) -> Result<Response<GetMemberResponse>, Status> {
        Ok(Response::new(GetMemberResponse::default()))
    }

    async fn explain_level(&self, _: Request<ExplainLevelRequest>) -> Result<Response<ExplainLevelResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn simulate_scheme(
        &self,
        _: Request<SimulateSchemeRequest>,
    ) -> Result<Response<SimulateSchemeResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn list_level_moves(
        &self,
        _: Request<ListLevelMovesRequest>,
    ) -> Result<Response<ListLevelMovesResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn list_schemes(&self, _: Request<ListSchemesRequest>) -> Result<Response<ListSchemesResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }

    async fn count_members(&self, _: Request<CountMembersRequest>) -> Result<Response<CountMembersResponse>, Status> {
        Err(Status::unimplemented("not in this test"))
    }
}
