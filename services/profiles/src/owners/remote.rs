//! Owners over the network. The table of kinds says by which methods; what their messages look like the contracts do.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use host::Peers;
use ids::TenantId;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
};
use proto::common::v1::ErrorReason;
use proto::levels::v1::ChangedPolicy;
use rt::{Channel, repeatable};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};

use super::codec::Messages;
use super::{Checked, Deed, Definition, NotPublished, Owners, Publication};
use crate::domain::programme::kind::{Changing, KINDS, Shape, Unwanted};
use crate::domain::programme::violation::{Violation, path};
use crate::error::ProfilesError;
#[cfg(test)]
use crate::wire::definition::CHANGED_FROM;
use crate::wire::definition::empty;

/// The request id of checks, which record none.
const CHECK: &str = "check";
/// Calls at the same time.
const CALLS: usize = 8;
/// Definitions of a page, and pages that are read: more of a kind no programme has.
const PAGE: (i32, usize) = (200, 50);

/// The services over the network.
pub(crate) struct Remote(pub(crate) Peers);

impl Owners for Remote {
    fn check<'a>(
        &'a self,
        tenant: &'a TenantId,
        wanted: Vec<Definition>,
    ) -> BoxFuture<'a, Result<Checked, ProfilesError>> {
        async move {
            let calls = wanted.into_iter().map(|it| self.check_one(tenant, it));
            let read: Vec<_> = stream::iter(calls).buffered(CALLS).try_collect().await?;
            Ok(checked(read))
        }
        .boxed()
    }

    fn in_force<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Vec<Definition>, ProfilesError>> {
        async move {
            let shapes = KINDS.iter().filter(|shape| is_remote(shape));
            // boxed: the compiler does not see through closures over references in a future that is sent
            let calls: Vec<_> = shapes.map(|shape| self.read_all(tenant, shape).boxed()).collect();
            let read: Vec<Vec<Definition>> = stream::iter(calls).buffered(CALLS).try_collect().await?;
            Ok(read.concat())
        }
        .boxed()
    }

    fn touched<'a>(
        &'a self,
        tenant: &'a TenantId,
        wanted: Definition,
    ) -> BoxFuture<'a, Result<Result<Vec<ChangedPolicy>, String>, ProfilesError>> {
        async move {
            let method = changing(wanted.kind.shape());
            let mut request = DynamicMessage::new(method.input());
            request.set_field_by_name("request_id", Value::String(CHECK.to_owned()));
            request.set_field_by_name("validate_only", Value::Bool(true));
            mask_all(&mut request);
            request.set_field(&own_field(&method.input(), &wanted), Value::Message(wanted.message));
            let channel = self.channel(tenant, &method).map_err(|status| peer(&method, status))?;
            match call(channel, &method, request).await {
                Ok(answer) => Ok(Ok(policies(&answer))),
                Err(status) => match not_published(&method, status) {
                    NotPublished::Refused(why) => Ok(Err(why)),
                    NotPublished::Unsettled(error) => Err(error),
                },
            }
        }
        .boxed()
    }

    fn publish<'a>(
        &'a self,
        tenant: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>> {
        async move {
            let Publication { deed, definition, author } = publication;
            let shape = definition.kind.shape();
            let method = match (deed, shape.unwanted) {
                (Deed::Pause, Unwanted::Turned(pause, _)) => method(pause),
                (Deed::Resume, Unwanted::Turned(_, resume)) => method(resume),
                (Deed::Change, _) => changing(shape),
                _ => method(shape.methods.0),
            };
            let mut request = DynamicMessage::new(method.input());
            request.set_field_by_name("request_id", Value::String(request_id));
            mask_all(&mut request);
            match field_of(&method.input(), &definition.message.descriptor()) {
                Some(field) => request.set_field(&field, Value::Message(definition.message)),
                None => request.set_field_by_name(shape.id, Value::String(definition.id())),
            }
            let channel =
                self.channel(tenant, &method).map_err(|status| NotPublished::Unsettled(peer(&method, status)))?;
            let done = call(channel.in_name_of(&author), &method, request).await;
            done.map(drop).map_err(|status| not_published(&method, status))
        }
        .boxed()
    }
}

/// A definition as its owner reads it, or as it was sent with what is wrong with it: field and description.
type Reading = (Definition, Vec<(String, String)>);

impl Remote {
    fn channel(&self, tenant: &TenantId, method: &MethodDescriptor) -> Result<Channel, Status> {
        self.0.on_behalf(&service(method), tenant)
    }

    async fn check_one(&self, tenant: &TenantId, it: Definition) -> Result<Reading, ProfilesError> {
        let shape = it.kind.shape();
        if !is_remote(shape) {
            return Ok((it, Vec::new()));
        }
        let method = method(shape.methods.0);
        let mut request = DynamicMessage::new(method.input());
        request.set_field_by_name("request_id", Value::String(CHECK.to_owned()));
        request.set_field_by_name("validate_only", Value::Bool(true));
        let field = own_field(&method.input(), &it);
        request.set_field(&field, Value::Message(it.message.clone()));
        let answer = match self.channel(tenant, &method) {
            Ok(channel) => call(channel, &method, request).await,
            Err(status) => Err(status),
        };
        match answer {
            Ok(answer) => {
                let read = answer.get_field(&own_field(&method.output(), &it)).as_message().cloned();
                Ok((Definition { message: read.unwrap_or(it.message), kind: it.kind }, Vec::new()))
            }
            Err(status) if status.code() == Code::InvalidArgument => {
                let below = |at: String| at.strip_prefix(field.name()).unwrap_or_default().to_owned();
                let found = status::violations_of(&status).into_iter().map(|(at, why)| (below(at), why));
                Ok((it, found.collect()))
            }
            Err(status) => Err(peer(&method, status)),
        }
    }

    /// All definitions of a kind that are in force.
    async fn read_all(&self, tenant: &TenantId, shape: &Shape) -> Result<Vec<Definition>, ProfilesError> {
        let method = method(shape.methods.1);
        let channel = self.channel(tenant, &method).map_err(|status| peer(&method, status))?;
        let field = own_field(&method.output(), &empty(shape.kind));
        let mut found = Vec::new();
        let mut page_token = Value::String(String::new());
        for _ in 0..PAGE.1 {
            let mut request = DynamicMessage::new(method.input());
            if field.is_list() {
                request.set_field_by_name("page_size", Value::I32(PAGE.0));
                request.set_field_by_name("page_token", page_token);
            }
            let answer = match call(channel.clone(), &method, request).await {
                Ok(answer) => answer,
                // that there is none of its kind; a tenant that was just created is on its way to the other service
                Err(status) if status.code() == Code::NotFound && !is_of_tenant(&status) => return Ok(found),
                Err(status) => return Err(peer(&method, status)),
            };
            match answer.get_field(&field).as_ref() {
                Value::List(items) => found.extend(
                    items
                        .iter()
                        .filter_map(Value::as_message)
                        .cloned()
                        .map(|message| Definition { kind: shape.kind, message }),
                ),
                Value::Message(message) if answer.has_field(&field) => {
                    found.push(Definition { kind: shape.kind, message: message.clone() });
                }
                _ => {}
            }
            match answer.get_field_by_name("next_page_token").as_deref() {
                Some(token @ Value::String(text)) if !text.is_empty() => page_token = token.clone(),
                _ => return Ok(found),
            }
        }
        let message = format!("more than {} definitions of one kind", PAGE.1 * 200);
        Err(peer(&method, status::refuse(Code::ResourceExhausted, ErrorReason::StoreUnavailable, message).into()))
    }
}

/// Puts definitions together as their owners read them, and what is wrong under the paths that they have in the bundle.
fn checked(read: Vec<Reading>) -> Checked {
    let mut checked = Checked::default();
    for (definition, found) in read {
        let place = checked.definitions.iter().filter(|it| it.kind == definition.kind).count();
        let path = path(definition.kind.shape(), place);
        checked.violations.extend(found.into_iter().map(|(at, why)| Violation { field: format!("{path}{at}"), why }));
        checked.definitions.push(definition);
    }
    checked
}

fn is_remote(shape: &Shape) -> bool {
    !shape.methods.0.is_empty()
}

/// A method by its name below `banyan.`.
fn method(name: &str) -> MethodDescriptor {
    let (service, method) = name.split_once('/').unwrap_or_default();
    let service = proto::POOL.get_service_by_name(&format!("banyan.{service}"));
    let found = service.and_then(|service| service.methods().find(|it| it.name() == method));
    found.expect("a test finds every method of the table")
}

/// The method that changes a definition of a kind that is in force.
fn changing(shape: &Shape) -> MethodDescriptor {
    match shape.changing {
        Changing::By(name) => method(name),
        Changing::Anew => method(shape.methods.0),
    }
}

/// Where a request has a mask, all fields are meant.
fn mask_all(request: &mut DynamicMessage) {
    let Some(field) = request.descriptor().get_field_by_name("update_mask") else { return };
    let FieldKind::Message(mask) = field.kind() else { return };
    request.set_field(&field, Value::Message(DynamicMessage::new(mask)));
}

/// What an answer says of changed policies.
fn policies(answer: &DynamicMessage) -> Vec<ChangedPolicy> {
    let changed = answer.get_field_by_name("changed");
    let items = changed.as_deref().and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(|item| item.as_message()?.transcode_to().ok()).collect()
}

/// The service of the suite that serves a method: `levels` for `banyan.levels.v1.PointsService`.
fn service(method: &MethodDescriptor) -> String {
    let service = method.parent_service();
    service.package_name().split('.').nth(1).unwrap_or_default().to_owned()
}

/// The field of a message that holds such definitions.
fn field_of(message: &MessageDescriptor, definition: &MessageDescriptor) -> Option<FieldDescriptor> {
    message.fields().find(|field| matches!(field.kind(), FieldKind::Message(of) if of == *definition))
}

fn own_field(message: &MessageDescriptor, definition: &Definition) -> FieldDescriptor {
    let field = field_of(message, &definition.message.descriptor());
    field.expect("a test finds the field in every method of the table")
}

async fn call(channel: Channel, method: &MethodDescriptor, message: DynamicMessage) -> Result<DynamicMessage, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let path = PathAndQuery::try_from(path).expect("names of the contracts are a path");
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let codec = Messages { answer: method.output() };
    Ok(client.unary(repeatable(Request::new(message)), path, codec).await?.into_inner())
}

fn is_of_tenant(status: &Status) -> bool {
    status::reason_of(status).as_deref() == Some("TENANT_NOT_FOUND")
}

fn not_published(method: &MethodDescriptor, status: Status) -> NotPublished {
    let refused = match status.code() {
        Code::InvalidArgument | Code::AlreadyExists | Code::FailedPrecondition | Code::OutOfRange => true,
        Code::NotFound => !is_of_tenant(&status),
        _ => false,
    };
    if refused {
        let reason = status::reason_of(&status).unwrap_or_default();
        NotPublished::Refused(format!("{reason}: {}", status.message()))
    } else {
        NotPublished::Unsettled(peer(method, status))
    }
}

/// A failure of the other service. Whatever it is, the caller's own call has not come to an end: it must not be told
/// anything that sounds definite.
fn peer(method: &MethodDescriptor, status: Status) -> ProfilesError {
    let passed = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::Internal => status,
        _ => {
            let service = service(method);
            let message = format!("{service} did not do its part: {}", status.message());
            status::refuse(Code::Unavailable, ErrorReason::StoreUnavailable, message).with("service", &service).into()
        }
    };
    ProfilesError::Peer(Box::new(passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_have_every_method_of_the_table_in_the_shape_that_it_takes() {
        for shape in KINDS.iter().filter(|shape| is_remote(shape)) {
            let (publish, read) = (method(shape.methods.0), method(shape.methods.1));
            let definition = empty(shape.kind);
            for field in ["request_id", "validate_only"] {
                assert!(publish.input().get_field_by_name(field).is_some(), "{} {field}", shape.name);
            }
            own_field(&publish.input(), &definition);
            own_field(&publish.output(), &definition);
            assert_eq!(own_field(&read.output(), &definition).is_list(), !shape.id.is_empty(), "{}", shape.name);
            if let Unwanted::Turned(pause, resume) = shape.unwanted {
                assert!([pause, resume].iter().all(|it| method(it).input().get_field_by_name(shape.id).is_some()));
            }
            if let Changing::By(name) = shape.changing {
                let change = method(name);
                own_field(&change.input(), &definition);
                let has = |field: &str| change.input().get_field_by_name(field).is_some();
                assert!(["request_id", "validate_only", "update_mask"].iter().all(|it| has(it)), "{}", shape.name);
                assert!(change.output().get_field_by_name("changed").is_some(), "{}", shape.name);
                let kept = |field: &str| definition.message.descriptor().get_field_by_name(field).is_some();
                assert!(kept(CHANGED_FROM) && shape.output.contains(&CHANGED_FROM), "{}", shape.name);
            }
            for field in shape.fixed {
                assert!(definition.message.descriptor().get_field_by_name(field).is_some(), "{} {field}", shape.name);
            }
            if shape.unwanted == Unwanted::PausedByField {
                assert!(definition.message.descriptor().get_field_by_name("paused").is_some(), "{}", shape.name);
            }
        }
    }
}
