use std::collections::BTreeSet;

use ids::{TenantId, UserId};
use proto::common::v1::ErrorReason;
use tonic::{Code, Request, Status};

use crate::ACT_FOR_TENANTS;
use crate::claims::is_subject;

/// Who calls, as their token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant that the token acts in; `None` for an identity that acts across tenants.
    pub tenant: Option<TenantId>,
    /// The token's `sub`: a person, app or service, for the audit log.
    pub subject: String,
    /// The one user that the token may touch; `None`: every user of the tenant.
    pub user: Option<UserId>,
    /// What the token allows.
    pub scopes: BTreeSet<String>,
    /// Whether the token is a service's or operator's, which acts across tenants.
    pub cross_tenant: bool,
}

impl Caller {
    /// Whether the token has a scope.
    pub fn has(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// A service as it acts for a tenant, in the name of a subject or its own; PERMISSION_DENIED `TENANT_NOT_ALLOWED` for
    /// who may not.
    pub(crate) fn on_behalf(self, tenant: &str, subject: Option<&str>) -> Result<Self, Status> {
        match TenantId::new(tenant) {
            Ok(tenant) if self.cross_tenant && self.has(ACT_FOR_TENANTS) && subject.is_none_or(is_subject) => {
                let subject = subject.map_or(self.subject, str::to_owned);
                Ok(Self { tenant: Some(tenant), cross_tenant: false, subject, ..self })
            }
            _ => {
                let message = "the token may not act for the tenant that the call names";
                Err(status::refuse(Code::PermissionDenied, ErrorReason::TenantNotAllowed, message).into())
            }
        }
    }
}

/// The caller of a request, put there by the authentication layer.
pub fn caller<T>(request: &Request<T>) -> Result<&Caller, Status> {
    request.extensions().get::<Caller>().ok_or_else(|| status::internal(&NoCaller))
}

/// The tenant that a request acts in. A method that serves both kinds of identities reads [`caller`] instead.
pub fn tenant<T>(request: &Request<T>) -> Result<TenantId, Status> {
    caller(request)?.tenant.clone().ok_or_else(|| {
        let message = "the method needs a tenant's token";
        status::refuse(Code::PermissionDenied, ErrorReason::TenantNotAllowed, message).into()
    })
}

/// A handler was reached around the authentication layer.
#[derive(Debug, thiserror::Error)]
#[error("the request passed no authentication layer")]
struct NoCaller;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(tenant: Option<&str>) -> Request<()> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Caller {
            tenant: tenant.map(|id| TenantId::new(id).unwrap()),
            subject: "s".to_owned(),
            user: None,
            scopes: BTreeSet::new(),
            cross_tenant: tenant.is_none(),
        });
        request
    }

    #[test]
    fn the_tenant_is_that_of_the_token() {
        assert_eq!(tenant(&request(Some("shop"))).unwrap().as_str(), "shop");
    }

    #[test]
    fn only_a_service_with_the_scope_acts_for_the_tenant_that_it_names() {
        let caller = |tenant, scope: &str| {
            let request = request(tenant);
            Caller { scopes: [scope.to_owned()].into(), ..super::caller(&request).unwrap().clone() }
        };
        let acting = caller(None, ACT_FOR_TENANTS).on_behalf("shop", None).unwrap();
        assert_eq!((acting.tenant.as_ref().map(TenantId::as_str), acting.cross_tenant), (Some("shop"), false));
        assert_eq!(acting.subject, "s");
        assert_eq!(caller(None, ACT_FOR_TENANTS).on_behalf("shop", Some("安")).unwrap().subject, "安");
        for (own, scope, named) in [
            (None, "points.write", "shop"),
            (Some("shop"), ACT_FOR_TENANTS, "shop"),
            (Some("other"), ACT_FOR_TENANTS, "shop"),
            (None, ACT_FOR_TENANTS, "no Tenant"),
        ] {
            let refused = caller(own, scope).on_behalf(named, None).unwrap_err();
            assert_eq!(status::reason_of(&refused).as_deref(), Some("TENANT_NOT_ALLOWED"), "{own:?} {scope} {named}");
        }
        for subject in ["", "a\nb"] {
            let refused = caller(None, ACT_FOR_TENANTS).on_behalf("shop", Some(subject)).unwrap_err();
            assert_eq!(status::reason_of(&refused).as_deref(), Some("TENANT_NOT_ALLOWED"), "{subject:?}");
        }
    }

    #[test]
    fn an_identity_across_tenants_has_no_tenant() {
        let status = tenant(&request(None)).unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(status::reason_of(&status).as_deref(), Some("TENANT_NOT_ALLOWED"));
    }

    #[test]
    fn a_request_that_passed_no_authentication_is_refused() {
        assert_eq!(tenant(&Request::new(())).unwrap_err().code(), Code::Internal);
    }
}
