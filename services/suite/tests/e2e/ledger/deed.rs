//! What callers ask of the ledger, each with the id that makes it happen once, and what they are told.

use std::collections::BTreeMap;

use ids::TenantId;
use prost::Message;
use proto::admin::v1::tenant_service_client::TenantServiceClient;
use proto::events::v1::event_log_service_client::EventLogServiceClient;
use proto::levels::v1::adjustment_service_client::AdjustmentServiceClient;
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::levels::v1::{
    AdjustPointsRequest, CaptureHoldRequest, EarnRequest, EntryKind, GiveBackRequest, HoldPointsRequest,
    ReleaseHoldRequest, ReverseEntryRequest, SpendRequest, TransferRequest,
};
use suite::folder::Folder;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

/// The only point type.
pub(crate) const POINTS: &str = "points";
/// How long a hold is kept: longer than any run.
const HOLD_SECONDS: i32 = 7200;
/// What stands in statements.
const REASON: &str = "压测 load";

/// What is to be done with a user's points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Deed {
    /// Give them.
    Earn(i64),
    /// Take them.
    Spend(i64),
    /// Set them aside.
    Hold(i64),
    /// Use so many of a hold.
    Capture(String, i64),
    /// Let a hold go.
    Release(String),
    /// Give so many captured ones back.
    GiveBack(String, i64),
    /// Move them to a user.
    Transfer(String, i64),
    /// Add or take by hand.
    Adjust(i64),
    /// Take so many of the entry with this number back.
    Reverse(i64, i64),
}

/// A deed with its user and id.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Makes it happen once.
    pub(crate) id: String,
    /// Whose points.
    pub(crate) user: String,
    /// What.
    pub(crate) deed: Deed,
}

/// An entry that an answer says was made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    /// In whose account.
    pub(crate) user: String,
    /// What made it.
    pub(crate) kind: EntryKind,
    /// Positive: to the user.
    pub(crate) amount: i64,
    /// Its number where the answer tells it; else 0, and it is known by its hold.
    pub(crate) seq: i64,
    /// Its hold; may be empty.
    pub(crate) hold: String,
}

/// A definite answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// All of it, to be compared with the answer to a repeat.
    pub(crate) whole: Vec<u8>,
    /// Why it was refused.
    pub(crate) refused: Option<String>,
    /// The entries made.
    pub(crate) made: Vec<Made>,
    /// The hold, and by how much what is held changed.
    pub(crate) hold: Option<(String, i64)>,
    /// Whether it is the answer to an earlier call.
    pub(crate) replayed: bool,
}

/// The suite as the tenant's back end calls it.
#[derive(Clone)]
pub(crate) struct Calls {
    channel: Channel,
    tenant: MetadataValue<Ascii>,
    operator: MetadataValue<Ascii>,
}

impl Calls {
    /// A connection of its own, made with the first call and made anew when it broke.
    pub(crate) fn new(port: u16, folder: &Folder, tenant: &str) -> Self {
        let bearer = |token: String| format!("Bearer {token}").parse().unwrap();
        let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy();
        let tenant = bearer(folder.tenant_token(&TenantId::new(tenant).unwrap()).unwrap());
        Self { channel, tenant, operator: bearer(folder.operator_token().unwrap()) }
    }

    /// As the tenant's back end.
    pub(crate) fn own<T>(&self, message: T) -> Request<T> {
        signed(message, &self.tenant)
    }

    /// As the installation's operator.
    pub(crate) fn operator<T>(&self, message: T) -> Request<T> {
        signed(message, &self.operator)
    }

    /// Tenants.
    pub(crate) fn tenants(&self) -> TenantServiceClient<Channel> {
        TenantServiceClient::new(self.channel.clone())
    }

    /// The ledger.
    pub(crate) fn points(&self) -> PointsServiceClient<Channel> {
        PointsServiceClient::new(self.channel.clone())
    }

    /// Logs.
    pub(crate) fn logs(&self) -> EventLogServiceClient<Channel> {
        EventLogServiceClient::new(self.channel.clone())
    }

    /// Asks once.
    pub(crate) async fn ask(&self, asked: &Asked) -> Result<Answer, Status> {
        let told = self.told(asked).await;
        match told {
            Err(status) if is_unknown(&status) => Err(status),
            Err(status) => Ok(refused(&status)),
            Ok(answer) => Ok(answer),
        }
    }

    async fn told(&self, asked: &Asked) -> Result<Answer, Status> {
        let (request_id, user_id) = (asked.id.clone(), asked.user.clone());
        let (point_type_id, reason) = (POINTS.to_owned(), "压测 load".to_owned());
        let mut points = self.points();
        match asked.deed.clone() {
            Deed::Earn(amount) => {
                let request = EarnRequest { request_id, user_id, point_type_id, amount, reason, ..Default::default() };
                let (answer, it) = read(points.earn(self.own(request)).await?);
                let entry = it.entry.unwrap();
                Ok(answer.with(asked.made(EntryKind::Earn, entry.amount, entry.entry_seq, "")))
            }
            Deed::Spend(amount) => {
                let request = SpendRequest { request_id, user_id, point_type_id, amount, reason, ..Default::default() };
                let (answer, it) = read(points.spend(self.own(request)).await?);
                let entry = it.entry.unwrap();
                Ok(answer.with(asked.made(EntryKind::Spend, entry.amount, entry.entry_seq, "")))
            }
            Deed::Hold(_) | Deed::Capture(..) | Deed::Release(_) | Deed::GiveBack(..) => self.told_of_hold(asked).await,
            Deed::Transfer(to_user_id, amount) => {
                let to = to_user_id.clone();
                let request = TransferRequest { request_id, user_id, to_user_id, point_type_id, amount, reason };
                let (answer, it) = read(points.transfer(self.own(request)).await?);
                let sent = it.sent.unwrap();
                let received = asked.made(EntryKind::TransferIn, -sent.amount, it.received_seq, "");
                let sent = asked.made(EntryKind::TransferOut, sent.amount, sent.entry_seq, "");
                Ok(answer.with(sent).with(Made { user: to, ..received }))
            }
            Deed::Adjust(amount) => {
                let request = AdjustPointsRequest { request_id, user_id, point_type_id, amount, reason };
                let mut adjustments = AdjustmentServiceClient::new(self.channel.clone());
                let (answer, it) = read(adjustments.adjust_points(self.own(request)).await?);
                let it = it.adjustment.unwrap();
                Ok(answer.with(asked.made(EntryKind::Adjust, it.amount, it.entry_seq, "")))
            }
            Deed::Reverse(entry_seq, amount) => {
                let request = ReverseEntryRequest { request_id, user_id, point_type_id, entry_seq, amount, reason };
                let (answer, it) = read(points.reverse_entry(self.own(request)).await?);
                let entry = it.entry.unwrap();
                let kind = entry.kind();
                Ok(answer.with(asked.made(kind, entry.amount, entry.entry_seq, "")))
            }
        }
    }

    async fn told_of_hold(&self, asked: &Asked) -> Result<Answer, Status> {
        let (request_id, user_id) = (asked.id.clone(), asked.user.clone());
        let (order_id, reason) = (String::new(), REASON.to_owned());
        let mut points = self.points();
        match asked.deed.clone() {
            Deed::Hold(amount) => {
                let (ttl_seconds, point_type_id) = (HOLD_SECONDS, POINTS.to_owned());
                let request =
                    HoldPointsRequest { request_id, user_id, point_type_id, amount, ttl_seconds, reason, order_id };
                let (answer, it) = read(points.hold_points(self.own(request)).await?);
                let hold = it.hold.unwrap();
                Ok(Answer { hold: Some((hold.hold_id, hold.amount)), ..answer })
            }
            Deed::Capture(hold_id, amount) => {
                let request = CaptureHoldRequest { request_id, user_id, hold_id, amount, reason, order_id };
                let (answer, it) = read(points.capture_hold(self.own(request)).await?);
                let hold = it.hold.unwrap();
                let answer = answer.with(asked.made(EntryKind::Spend, -hold.captured, 0, &hold.hold_id));
                Ok(Answer { hold: Some((hold.hold_id, -hold.amount)), ..answer })
            }
            Deed::Release(hold_id) => {
                let request = ReleaseHoldRequest { request_id, user_id, hold_id };
                let (answer, it) = read(points.release_hold(self.own(request)).await?);
                let hold = it.hold.unwrap();
                Ok(Answer { hold: Some((hold.hold_id, -hold.amount)), ..answer })
            }
            Deed::GiveBack(hold_id, amount) => {
                let request = GiveBackRequest { request_id, user_id, hold_id, amount, reason };
                let (answer, it) = read(points.give_back(self.own(request)).await?);
                let hold = it.hold.unwrap();
                Ok(answer.with(asked.made(EntryKind::Return, hold.given_back, 0, &hold.hold_id)))
            }
            other => unreachable!("{other:?} is about no hold"),
        }
    }
}

impl Asked {
    fn made(&self, kind: EntryKind, amount: i64, seq: i64, hold: &str) -> Made {
        Made { user: self.user.clone(), kind, amount, seq, hold: hold.to_owned() }
    }
}

impl Deed {
    /// What it is called, to count what was done.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Earn(_) => "earn",
            Self::Spend(_) => "spend",
            Self::Hold(_) => "hold",
            Self::Capture(..) => "capture",
            Self::Release(_) => "release",
            Self::GiveBack(..) => "give back",
            Self::Transfer(..) => "transfer",
            Self::Adjust(_) => "adjust",
            Self::Reverse(..) => "reverse",
        }
    }

    /// The same with another amount; `None` where it has none.
    pub(crate) fn other(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Earn(amount) => Self::Earn(amount + 1),
            Self::Spend(amount) => Self::Spend(amount + 1),
            Self::Hold(amount) => Self::Hold(amount + 1),
            Self::Capture(hold, amount) => Self::Capture(hold, amount + 1),
            Self::Release(_) => return None,
            Self::GiveBack(hold, amount) => Self::GiveBack(hold, amount + 1),
            Self::Transfer(to, amount) => Self::Transfer(to, amount + 1),
            Self::Adjust(amount) => Self::Adjust(if amount == -1 { 1 } else { amount + 1 }),
            Self::Reverse(seq, amount) => Self::Reverse(seq, amount + 1),
        })
    }
}

impl Answer {
    fn with(mut self, made: Made) -> Self {
        self.made.push(made);
        self
    }
}

/// Whether a call that failed this way may or may not have had its effect, or was not taken for want of room.
fn is_unknown(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Aborted
        | Code::Internal
        | Code::Unknown => true,
        Code::ResourceExhausted => status::reason_of(status).is_none_or(|reason| reason == "OVERLOADED"),
        _ => false,
    }
}

fn refused(status: &Status) -> Answer {
    let metadata: BTreeMap<_, _> = status::metadata_of(status);
    let reason = status::reason_of(status).unwrap_or_else(|| format!("{:?}: {}", status.code(), status.message()));
    let whole = format!("{:?} {reason} {metadata:?} {}", status.code(), status.message()).into_bytes();
    let replayed = status.metadata().contains_key(rt::REPLAYED_TRAILER);
    Answer { whole, refused: Some(reason), replayed, ..Answer::default() }
}

fn read<T: Message>(response: Response<T>) -> (Answer, T) {
    let replayed = response.metadata().contains_key(rt::REPLAYED_TRAILER);
    let it = response.into_inner();
    (Answer { whole: it.encode_to_vec(), replayed, ..Answer::default() }, it)
}

fn signed<T>(message: T, bearer: &MetadataValue<Ascii>) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", bearer.clone());
    request
}
