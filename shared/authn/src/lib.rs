//! Who calls, and what they may do.
//!
//! [`Authenticator`] turns the bearer token of a call into a [`Caller`]; [`access::Table`], read from the contracts, says
//! whether that caller may use a method. A token is a JWT whose algorithm is fixed by the key that its `kid` names, never
//! by the token itself. The tenant comes from the token alone.
//!
//! | claim | meaning |
//! |---|---|
//! | `iss`, `aud`, `exp`, `nbf`, `sub` | as in RFC 7519; all required |
//! | `tenant` | the tenant that the token acts in; absent for identities that act across tenants |
//! | `service` | true: a service's or operator's identity, which acts across tenants and names none |
//! | `scope` | what the token allows, separated by spaces, such as `points.read points.write` |
//! | `user` | the token belongs to this user and touches only that user |
//! | `dev` | true: minted by the development issuer; refused outside development |

//!
//! A service works for tenants too: its token, where it has the scope [`ACT_FOR_TENANTS`], acts in the tenant that the
//! call names in the header [`ON_BEHALF`], and there in the name of the subject in the header [`SUBJECT`], if any. From
//! any other token these headers are refused.

pub mod access;
mod authenticator;
mod caller;
mod claims;
pub mod dev;
mod error;
mod fetch;
mod keys;
mod settings;
mod verified;

pub use authenticator::Authenticator;
pub use caller::{Caller, caller, tenant};
pub use error::{InvalidToken, KeysError};
pub use settings::AuthnSettings;

/// The longest token that is looked at, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The header that names the tenant for which a service calls.
pub const ON_BEHALF: &str = "banyan-on-behalf";
/// The header that names the subject, in UTF-8, in whose name a service calls for a tenant: what it leads to is told as
/// that subject's doing. Without it, it is the service's.
pub const SUBJECT: &str = "banyan-subject";
/// The scope that lets a service act for the tenants that it names.
pub const ACT_FOR_TENANTS: &str = "tenants.act";

/// Whether a method is served without a token: health checks and reflection.
pub fn is_public(path: &str) -> bool {
    ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/", "/grpc.reflection.v1alpha.ServerReflection/"]
        .iter()
        .any(|service| path.starts_with(service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_health_and_reflection_are_public() {
        assert!(is_public("/grpc.health.v1.Health/Check"));
        assert!(is_public("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"));
        for path in ["/banyan.levels.v1.PointsService/Earn", "/grpc.health.v1.HealthX/Check", "", "/"] {
            assert!(!is_public(path), "{path}");
        }
    }
}
