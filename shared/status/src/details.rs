//! The four detail messages that we send. Declared here and not taken from a library because the usual types keep
//! metadata in hash maps: two encodings of one refusal would differ, and a replayed batch must answer the same bytes.

use std::collections::BTreeMap;

use prost::{Message, Name};
use prost_types::Any;
use proto::google::rpc;
use tonic::{Code, Status};

macro_rules! named {
    ($($message:ident),*) => {
        $(impl Name for $message {
            const NAME: &'static str = stringify!($message);
            const PACKAGE: &'static str = "google.rpc";
        })*
    };
}

named!(ErrorInfo, LocalizedMessage, RetryInfo, BadRequest);

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ErrorInfo {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
    #[prost(string, tag = "2")]
    pub(crate) domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LocalizedMessage {
    #[prost(string, tag = "1")]
    pub(crate) locale: String,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    pub(crate) retry_delay: Option<prost_types::Duration>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BadRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) field_violations: Vec<FieldViolation>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldViolation {
    #[prost(string, tag = "1")]
    pub(crate) field: String,
    #[prost(string, tag = "2")]
    pub(crate) description: String,
}

pub(crate) fn any<M: Message + Name>(message: &M) -> Any {
    Any { type_url: format!("type.googleapis.com/{}", M::full_name()), value: message.encode_to_vec() }
}

pub(crate) fn status(code: Code, message: String, details: Vec<Any>) -> Status {
    let body = rpc::Status { code: code.into(), message: message.clone(), details };
    Status::with_details(code, message, body.encode_to_vec().into())
}

/// The status as a message, as batches carry it per item.
pub fn to_rpc(status: &Status) -> rpc::Status {
    match rpc::Status::decode(status.details()) {
        Ok(body) if !status.details().is_empty() => body,
        _ => rpc::Status { code: status.code().into(), message: status.message().to_owned(), details: Vec::new() },
    }
}

/// The reverse of [`to_rpc`].
pub fn from_rpc(body: &rpc::Status) -> Status {
    Status::with_details(Code::from(body.code), body.message.clone(), body.encode_to_vec().into())
}

/// The reason of a status of the suite, such as `CONFLICT`; `None` where it carries none.
pub fn reason_of(status: &Status) -> Option<String> {
    find::<ErrorInfo>(status).map(|info| info.reason)
}

/// The variables of a status of the suite; empty where it carries none.
pub fn metadata_of(status: &Status) -> BTreeMap<String, String> {
    find::<ErrorInfo>(status).map(|info| info.metadata).unwrap_or_default()
}

/// The field violations of a status as (field, description); empty where it carries none.
pub fn violations_of(status: &Status) -> Vec<(String, String)> {
    let found = find::<BadRequest>(status).map(|request| request.field_violations).unwrap_or_default();
    found.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

fn find<M: Message + Name + Default>(status: &Status) -> Option<M> {
    let body = rpc::Status::decode(status.details()).ok()?;
    let found = body.details.iter().find(|any| any.type_url.rsplit('/').next() == Some(&M::full_name()))?;
    M::decode(found.value.as_slice()).ok()
}
