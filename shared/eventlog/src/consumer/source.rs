use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::events::v1::{PullRequest, PullResponse};
use tonic::Status;
use tonic::body::Body;
use tonic::client::GrpcService;

/// Where a consumer reads: any client of the event log service.
pub trait PullSource: Send + Sync + 'static {
    /// One call of `EventLogService.Pull`.
    fn pull(&self, request: PullRequest) -> impl Future<Output = Result<PullResponse, Status>> + Send;
}

type StdError = Box<dyn std::error::Error + Send + Sync>;

impl<C> PullSource for EventLogServiceClient<C>
where
    C: GrpcService<Body> + Clone + Send + Sync + 'static,
    C::Error: Into<StdError>,
    C::Future: Send,
    C::ResponseBody: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    <C::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
{
    async fn pull(&self, request: PullRequest) -> Result<PullResponse, Status> {
        let mut client = self.clone();
        Ok(EventLogServiceClient::pull(&mut client, request).await?.into_inner())
    }
}
