//! The services that own the parts of a programme, as planning and applying one need them.

mod levels;

use futures::future::BoxFuture;
use ids::TenantId;
use proto::levels::v1::{EarningRule, PointType, Scheme};
use proto::programme::v1::ProgrammeBundle;

use crate::domain::programme::course::Violation;
use crate::error::ProfilesError;

pub(crate) use levels::Levels;

/// A bundle as its owners read it. Parts that profiles owns are left as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checked {
    /// The definitions as they would be stored; one with a violation is as it was sent.
    pub bundle: ProgrammeBundle,
    /// What each definition has wrong with itself, by path from the request.
    pub violations: Vec<Violation>,
}

/// A definition to be published.
#[derive(Debug, Clone, PartialEq)]
pub enum Publication {
    /// A new point type.
    PointType(PointType),
    /// A rule, or a new version of it.
    EarningRule(EarningRule),
    /// The scheme, or a new version of it.
    Scheme(Scheme),
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
        bundle: &'a ProgrammeBundle,
    ) -> BoxFuture<'a, Result<Checked, ProfilesError>>;

    /// What is in force.
    fn in_force<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<ProgrammeBundle, ProfilesError>>;

    /// Publishes a definition, once per request id.
    fn publish<'a>(
        &'a self,
        tenant: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>>;
}
