use ids::{TenantId, UserId};
use serde::Deserialize;

use crate::{Caller, InvalidToken};

/// Bytes of `sub`.
const SUBJECT_BYTES_MAX: usize = 256;

/// The claims that say who calls. Those that say whether the token counts (`aud`, `exp`, `nbf`) are checked before.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    /// One text: the library would also take a list that contains the issuer.
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    service: bool,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    dev: bool,
    /// Looked at by the library, which takes fractions and refuses anything else; kept to know how long a verified token
    /// counts.
    #[serde(default)]
    exp: serde_json::Value,
}

impl Claims {
    /// Whether the development issuer minted the token.
    pub(crate) fn is_development(&self) -> bool {
        self.dev
    }

    /// `exp`, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> f64 {
        self.exp.as_f64().unwrap_or(0.0)
    }

    pub(crate) fn into_caller(self) -> Result<Caller, InvalidToken> {
        if !is_subject(&self.sub) {
            return Err(InvalidToken::Claim("sub"));
        }
        let tenant = match (self.tenant, self.service) {
            (Some(tenant), false) => Some(TenantId::new(tenant).map_err(|_| InvalidToken::Claim("tenant"))?),
            (None, true) => None,
            // A token that names no tenant must say that it is meant to act across tenants, and must not say both.
            (None, false) | (Some(_), true) => return Err(InvalidToken::Claim("tenant")),
        };
        let user = self.user.map(|user| UserId::new(user).map_err(|_| InvalidToken::Claim("user"))).transpose()?;
        if user.is_some() && tenant.is_none() {
            return Err(InvalidToken::Claim("user"));
        }
        let cross_tenant = tenant.is_none();
        let scopes = self.scope.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(Caller { tenant, subject: self.sub, user, scopes, cross_tenant })
    }
}

/// Whether a text may be who calls: control characters could not be passed on in a header.
pub(crate) fn is_subject(text: &str) -> bool {
    !text.is_empty() && text.len() <= SUBJECT_BYTES_MAX && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(claims: Value) -> Result<Caller, InvalidToken> {
        let mut all = json!({"iss": "i", "sub": "app"});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        serde_json::from_value::<Claims>(all).map_err(|_| InvalidToken::Malformed)?.into_caller()
    }

    #[test]
    fn a_tenants_token_names_tenant_scopes_and_perhaps_a_user() {
        let caller = read(json!({"tenant": "shop", "scope": "a.read  b.write", "user": "用户 1"})).unwrap();
        let want = Caller {
            tenant: Some(TenantId::new("shop").unwrap()),
            subject: "app".to_owned(),
            user: Some(UserId::new("用户 1").unwrap()),
            scopes: ["a.read", "b.write"].map(str::to_owned).into(),
            cross_tenant: false,
        };
        assert_eq!(caller, want);
    }

    #[test]
    fn a_services_token_names_no_tenant() {
        let caller = read(json!({"service": true, "scope": "events.read"})).unwrap();
        assert!(caller.cross_tenant && caller.tenant.is_none() && caller.has("events.read"));
    }

    #[test]
    fn claims_that_do_not_say_who_calls_are_refused() {
        let cases = [
            (json!({}), InvalidToken::Claim("tenant")),
            (json!({"tenant": "shop", "service": true}), InvalidToken::Claim("tenant")),
            (json!({"tenant": ""}), InvalidToken::Claim("tenant")),
            (json!({"tenant": "Shop'"}), InvalidToken::Claim("tenant")),
            (json!({"tenant": "shop", "user": ""}), InvalidToken::Claim("user")),
            (json!({"tenant": "shop", "user": "a\0"}), InvalidToken::Claim("user")),
            (json!({"tenant": "shop", "user": "u".repeat(129)}), InvalidToken::Claim("user")),
            (json!({"service": true, "user": "u"}), InvalidToken::Claim("user")),
            (json!({"tenant": "shop", "sub": ""}), InvalidToken::Claim("sub")),
            (json!({"tenant": "shop", "sub": "s".repeat(257)}), InvalidToken::Claim("sub")),
            (json!({"tenant": "shop", "sub": "a\nb"}), InvalidToken::Claim("sub")),
            (json!({"tenant": 7}), InvalidToken::Malformed),
            (json!({"tenant": ["shop"]}), InvalidToken::Malformed),
            (json!({"tenant": "shop", "iss": ["i", "other"]}), InvalidToken::Malformed),
            (json!({"service": "true"}), InvalidToken::Malformed),
            (json!({"tenant": "shop", "dev": "false"}), InvalidToken::Malformed),
            (json!({"tenant": "shop", "scope": ["a"]}), InvalidToken::Malformed),
        ];
        for (claims, want) in cases {
            assert_eq!(read(claims.clone()), Err(want), "{claims}");
        }
    }
}
