//! Who may call what: for every RPC of the contract.

use end_to_end::{
    contract,
    harness::{Suite, reason},
    samples::Names,
};
use tonic::Code;

const NAMES: Names<'_> = Names { tenant: "shop", user: "u1", ids: "1", canary: "canary" };

#[tokio::test]
async fn a_call_without_a_valid_token_is_refused_by_every_rpc() {
    let suite = Suite::start().await;
    for (path, body) in suite.requests(&NAMES) {
        for token in [None, Some("not-a-token"), Some(suite.expired_token("shop").as_str())] {
            let refused = suite.call(path, token, body.clone()).await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused)), (Code::Unauthenticated, "TOKEN_INVALID".into()), "{path}");
        }
    }
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_by_every_rpc() {
    let suite = Suite::start().await;
    for (path, body) in suite.requests(&NAMES) {
        let cross_tenant = suite.access(path).cross_tenant;
        let token = if cross_tenant { suite.operator_token("other.scope") } else { suite.token("shop", "other.scope") };
        let refused = suite.call(path, Some(&token), body).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "SCOPE_MISSING".into()), "{path}");
    }
}

#[tokio::test]
async fn a_tenants_token_does_not_reach_what_spans_tenants() {
    let suite = Suite::start().await;
    for (path, body) in suite.requests(&NAMES) {
        let access = suite.access(path);
        if !access.cross_tenant {
            continue;
        }
        let refused = suite.call(path, Some(&suite.token("shop", &access.scope)), body).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused)), (Code::PermissionDenied, "TENANT_NOT_ALLOWED".into()), "{path}");
    }
}

#[tokio::test]
async fn a_users_token_acts_for_that_user_only() {
    let suite = Suite::start().await;
    suite.fill(&NAMES).await;
    for (path, body) in suite.requests(&NAMES) {
        let access = suite.access(path);
        if access.cross_tenant {
            continue;
        }
        let own = suite.call(path, Some(&suite.user_token("shop", "u1", &access.scope)), body.clone()).await;
        let foreign = suite.call(path, Some(&suite.user_token("shop", "u2", &access.scope)), body).await.unwrap_err();
        assert_eq!((foreign.code(), reason(&foreign)), (Code::PermissionDenied, "USER_NOT_ALLOWED".into()), "{path}");
        match own {
            Ok(_) => assert!(!access.user_field.is_empty(), "{path} is not for users and answered one"),
            Err(status) if access.user_field.is_empty() => assert_eq!(reason(&status), "USER_NOT_ALLOWED", "{path}"),
            Err(status) => panic!("{path} refused its own user: {status:?}"),
        }
    }
}

#[test]
fn every_rpc_states_a_scope() {
    for method in contract::methods() {
        assert!(!contract::access(&method).scope.is_empty(), "{}", contract::path(&method));
    }
}
