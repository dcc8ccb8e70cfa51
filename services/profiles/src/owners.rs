//! The services that own the parts of a programme, as planning and applying one need them.

mod codec;
mod remote;

use futures::future::BoxFuture;
use ids::TenantId;
use proto::levels::v1::ChangedPolicy;

use crate::domain::programme::violation::Violation;
use crate::error::ProfilesError;

pub use crate::wire::definition::{Definition, bundle, definitions};
pub(crate) use remote::Remote;

/// Definitions as their owners read them. What profiles owns is left as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// The definitions as they would be stored; one with a violation is as it was sent.
    pub definitions: Vec<Definition>,
    /// What each definition has wrong with itself, by path from the request.
    pub violations: Vec<Violation>,
}

/// What is done with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It is published as it is here.
    Publish,
    /// What is in force under its id is held up.
    Pause,
    /// What is held up under its id goes on.
    Resume,
    /// What is in force under its id becomes as it is here.
    Change,
}

/// Something to be done by a definition's owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// What.
    pub deed: Deed,
    /// With which definition.
    pub definition: Definition,
    /// The subject in whose name.
    pub author: String,
}

/// Why a definition was not published.
#[derive(Debug)]
pub enum NotPublished {
    /// Its owner says no, and will say so again.
    Refused(String),
    /// Whether it was is not known, or another time it may be: the same call again settles it.
    Unsettled(ProfilesError),
}

/// The owners of what is not profiles' own.
pub trait Owners: Send + Sync + 'static {
    /// Has every definition checked by its owner. Changes nothing.
    fn check<'a>(
        &'a self,
        tenant: &'a TenantId,
        wanted: Vec<Definition>,
    ) -> BoxFuture<'a, Result<Checked, ProfilesError>>;

    /// What changing a definition that is in force would touch: the policies that get another value, or what is wrong with the
    /// change. Changes nothing.
    fn touched<'a>(
        &'a self,
        tenant: &'a TenantId,
        wanted: Definition,
    ) -> BoxFuture<'a, Result<Result<Vec<ChangedPolicy>, String>, ProfilesError>>;

    /// What is in force, with what its owners write.
    fn in_force<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<Vec<Definition>, ProfilesError>>;

    /// Does something with a definition, once per request id.
    fn publish<'a>(
        &'a self,
        tenant: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>>;
}
