//! Points, which levels keeps: held before a checkout's own transaction, and captured, released or given back by levels
//! itself as it reads this service's log.

use host::Peers;
use ids::{TenantId, UserId};
use proto::levels::v1 as pb;
use proto::levels::v1::points_service_client::PointsServiceClient;
use tonic::{Code, Status};

/// Points to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldOrder {
    /// Makes it idempotent: 1 to 128 characters.
    pub request_id: String,
    /// Whose.
    pub user: UserId,
    /// Which points.
    pub point_type_id: String,
    /// How many, more than 0.
    pub points: i64,
    /// The order; may be empty.
    pub order_id: String,
    /// After this they are free again.
    pub ttl_seconds: i32,
}

/// Why points were not held.
#[derive(Debug)]
pub enum NotHeld {
    /// There are fewer, or the points cannot be spent.
    Short,
    /// Levels did not answer, or refused for another reason.
    Failed(Box<Status>),
}

/// What a checkout needs of levels. Besides levels itself there is the one that tests put in its place.
#[tonic::async_trait]
pub trait Points: Send + Sync + 'static {
    /// Holds points; answers the hold's id. Asked again with the same id it answers the same.
    async fn hold(&self, tenant: &TenantId, order: &HoldOrder) -> Result<String, NotHeld>;

    /// Lets a hold go.
    async fn release(&self, tenant: &TenantId, request_id: &str, user: &UserId, hold_id: &str) -> Result<(), Status>;

    /// What a user can spend.
    async fn available(&self, tenant: &TenantId, user: &UserId, point_type_id: &str) -> Result<i64, Status>;
}

/// Levels, as this process reaches it.
pub struct PeerPoints {
    peers: Peers,
}

impl PeerPoints {
    /// Through the process's peers.
    pub fn new(peers: Peers) -> Self {
        Self { peers }
    }

    fn client(&self, tenant: &TenantId) -> Result<PointsServiceClient<rt::Channel>, Status> {
        // every write has a request id, so a call whose outcome is unknown is repeated
        Ok(PointsServiceClient::new(self.peers.on_behalf("levels", tenant)?.repeat_all()))
    }
}

#[tonic::async_trait]
impl Points for PeerPoints {
    async fn hold(&self, tenant: &TenantId, order: &HoldOrder) -> Result<String, NotHeld> {
        let failed = |status| NotHeld::Failed(Box::new(status));
        let request = pb::HoldPointsRequest {
            request_id: order.request_id.clone(),
            user_id: order.user.to_string(),
            point_type_id: order.point_type_id.clone(),
            amount: order.points,
            ttl_seconds: order.ttl_seconds,
            order_id: order.order_id.clone(),
            ..Default::default()
        };
        match self.client(tenant).map_err(failed)?.hold_points(request).await {
            Ok(answer) => Ok(answer.into_inner().hold.unwrap_or_default().hold_id),
            Err(status) if status.code() == Code::FailedPrecondition => Err(NotHeld::Short),
            Err(status) => Err(failed(status)),
        }
    }

    async fn release(&self, tenant: &TenantId, request_id: &str, user: &UserId, hold_id: &str) -> Result<(), Status> {
        let request = pb::ReleaseHoldRequest {
            request_id: request_id.to_owned(),
            user_id: user.to_string(),
            hold_id: hold_id.to_owned(),
        };
        self.client(tenant)?.release_hold(request).await.map(drop)
    }

    async fn available(&self, tenant: &TenantId, user: &UserId, point_type_id: &str) -> Result<i64, Status> {
        let request = pb::GetBalanceRequest {
            user_id: user.to_string(),
            point_type_id: point_type_id.to_owned(),
            ..Default::default()
        };
        Ok(self.client(tenant)?.get_balance(request).await?.into_inner().available)
    }
}
