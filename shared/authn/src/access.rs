//! What a caller must hold to use a method, read from the option `banyan.common.v1.access` of the contracts.

use std::collections::{BTreeSet, HashMap};

use prost_reflect::{Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MethodDescriptor};
use proto::common::v1::{self as pb, ErrorReason};
use tonic::{Code, Status};

use crate::{Caller, is_public};

/// A method whose access option is missing or cannot be enforced. Such a server does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the method {method} {problem}")]
pub struct MissingAccess {
    /// The method's path.
    pub method: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// What callers must hold, by method.
#[derive(Debug)]
pub struct Table(HashMap<String, Access>);

/// What a caller must hold to use one method.
#[derive(Debug, Clone)]
pub struct Access {
    scope: String,
    identity: Identity,
    /// From the request to the field that names the user; empty: no user's token may call.
    user_field: Vec<FieldDescriptor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    Tenant,
    CrossTenant,
    Either,
}

impl Table {
    /// Reads the options of every method of the pool but the public ones.
    pub fn from_pool(pool: &DescriptorPool) -> Result<Self, MissingAccess> {
        let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
        let methods = methods.map(|method| (path_of(&method), method)).filter(|(path, _)| !is_public(path));
        let read = |(path, method)| match Access::read(pool, &method) {
            Ok(access) => Ok((path, access)),
            Err(problem) => Err(MissingAccess { method: path, problem }),
        };
        Ok(Self(methods.map(read).collect::<Result<_, _>>()?))
    }

    /// Whether the caller may use the method at `path`. For a user's token the answer is complete only with
    /// [`Access::check_user`].
    pub fn check(&self, path: &str, caller: &Caller) -> Result<&Access, Status> {
        let access = self.0.get(path).ok_or_else(|| Status::unimplemented("the server has no such method"))?;
        access.check_caller(caller)?;
        Ok(access)
    }

    /// Every scope that some method needs.
    pub fn scopes(&self) -> BTreeSet<&str> {
        self.0.values().map(|access| access.scope.as_str()).collect()
    }

    /// The methods' paths in byte order.
    pub fn methods(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Access {
    fn read(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<Self, &'static str> {
        let option =
            pool.get_extension_by_name("banyan.common.v1.access").ok_or("has no option banyan.common.v1.access")?;
        let options = method.options();
        if !options.has_extension(&option) {
            return Err("has no option banyan.common.v1.access");
        }
        let value = options.get_extension(&option);
        let access = value.as_message().and_then(|message| message.transcode_to::<pb::Access>().ok());
        let access = access.ok_or("has a malformed access option")?;
        if access.scope.is_empty() || access.scope.contains(char::is_whitespace) {
            return Err("needs one scope in its access option");
        }
        let identity = match (access.cross_tenant, access.any_tenant) {
            (false, false) => Identity::Tenant,
            (true, false) => Identity::CrossTenant,
            (false, true) => Identity::Either,
            (true, true) => return Err("must not be both cross_tenant and any_tenant"),
        };
        if !access.user_field.is_empty() && identity == Identity::CrossTenant {
            return Err("is cross_tenant and so can't have a user_field");
        }
        let user_field =
            resolve(method, &access.user_field).ok_or("has a user_field that is not a text of its request")?;
        Ok(Self { scope: access.scope, identity, user_field })
    }

    fn check_caller(&self, caller: &Caller) -> Result<(), Status> {
        let message = match (self.identity, caller.cross_tenant) {
            (Identity::Tenant, true) => Some("the method needs a tenant's token"),
            (Identity::CrossTenant, false) => Some("the method needs a service's or operator's token"),
            _ => None,
        };
        if let Some(message) = message {
            return Err(status::refuse(Code::PermissionDenied, ErrorReason::TenantNotAllowed, message).into());
        }
        if caller.user.is_some() && self.user_field.is_empty() {
            return Err(user_not_allowed("the method is not for users' tokens"));
        }
        if !caller.has(&self.scope) {
            let message = format!("the token lacks the scope {}", self.scope);
            let refusal = status::refuse(Code::PermissionDenied, ErrorReason::ScopeMissing, message);
            return Err(refusal.with("scope", &self.scope).into());
        }
        Ok(())
    }

    /// Whether the request names a user that the caller may act for. Tokens that belong to no user may act for all of
    /// their tenant's.
    pub fn check_user(&self, request: &DynamicMessage, caller: &Caller) -> Result<(), Status> {
        let Some(user) = &caller.user else { return Ok(()) };
        if names(request, &self.user_field, user.as_str()) {
            return Ok(());
        }
        Err(user_not_allowed("the token may not act for the user that the request names"))
    }
}

fn names(message: &DynamicMessage, path: &[FieldDescriptor], user: &str) -> bool {
    match path {
        [] => false,
        [last] => message.get_field(last).as_str() == Some(user),
        [parent, rest @ ..] => {
            message.has_field(parent)
                && message.get_field(parent).as_message().is_some_and(|part| names(part, rest, user))
        }
    }
}

fn user_not_allowed(message: &str) -> Status {
    status::refuse(Code::PermissionDenied, ErrorReason::UserNotAllowed, message).into()
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// The fields along a path such as `event.user_id`; `None` where it does not lead to a text.
fn resolve(method: &MethodDescriptor, path: &str) -> Option<Vec<FieldDescriptor>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let mut fields: Vec<FieldDescriptor> = Vec::new();
    for name in path.split('.') {
        let message = match fields.last() {
            None => method.input(),
            Some(field) => field.kind().as_message()?.clone(),
        };
        let field = message.get_field_by_name(name)?;
        if field.cardinality() == Cardinality::Repeated {
            return None;
        }
        fields.push(field);
    }
    matches!(fields.last()?.kind(), Kind::String).then_some(fields)
}
