use std::{collections::BTreeSet, path::Path};

use authn::{Caller, access::Table};
use ids::{TenantId, UserId};
use prost_reflect::{DescriptorPool, DynamicMessage, Value};
use tonic::{Code, Status};

use crate::support::Folder;

const EARN: &str = "/banyan.levels.v1.PointsService/Earn";
const GET_BALANCE: &str = "/banyan.levels.v1.PointsService/GetBalance";
const RECORD: &str = "/banyan.profiles.v1.EventService/RecordEvent";
const PULL: &str = "/banyan.events.v1.EventLogService/Pull";
const CREATE_TENANT: &str = "/banyan.admin.v1.TenantService/CreateTenant";

fn caller(tenant: Option<&str>, user: Option<&str>, scopes: &[&str]) -> Caller {
    Caller {
        tenant: tenant.map(|id| TenantId::new(id).unwrap()),
        subject: "test".to_owned(),
        user: user.map(|id| UserId::new(id).unwrap()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        cross_tenant: tenant.is_none(),
    }
}

fn refusal(status: &Status) -> (Code, String) {
    (status.code(), status::reason_of(status).unwrap_or_default())
}

#[test]
fn every_method_of_the_contracts_states_what_it_needs() {
    let table = Table::from_pool(&proto::POOL).unwrap();
    let methods: usize = proto::POOL.services().map(|service| service.methods().len()).sum();
    assert_eq!(table.methods().len(), methods);
    assert!(table.scopes().contains("points.write"));
}

#[test]
fn a_method_is_open_to_the_kind_of_identity_and_the_scope_that_it_names() {
    let table = Table::from_pool(&proto::POOL).unwrap();
    let all: Vec<_> = table.scopes().into_iter().collect();
    let (tenant, service) = (caller(Some("shop"), None, &all), caller(None, None, &all));
    let user = caller(Some("shop"), Some("u1"), &all);
    let unscoped = |tenant| caller(tenant, None, &["other.scope"]);
    let not = |reason: &str| Err((Code::PermissionDenied, reason.to_owned()));
    let cases = [
        (EARN, &tenant, Ok(())),
        (EARN, &service, not("TENANT_NOT_ALLOWED")),
        (EARN, &user, not("USER_NOT_ALLOWED")),
        (EARN, &unscoped(Some("shop")), not("SCOPE_MISSING")),
        (GET_BALANCE, &tenant, Ok(())),
        (GET_BALANCE, &user, Ok(())),
        (PULL, &tenant, Ok(())),
        (PULL, &service, Ok(())),
        (PULL, &user, not("USER_NOT_ALLOWED")),
        (CREATE_TENANT, &service, Ok(())),
        (CREATE_TENANT, &tenant, not("TENANT_NOT_ALLOWED")),
        (CREATE_TENANT, &unscoped(None), not("SCOPE_MISSING")),
        ("/banyan.levels.v1.PointsService/Nothing", &tenant, Err((Code::Unimplemented, String::new()))),
    ];
    for (path, caller, want) in cases {
        let got = table.check(path, caller).map(|_| ()).map_err(|status| refusal(&status));
        assert_eq!(got, want, "{path} {caller:?}");
    }
}

#[test]
fn a_missing_scope_is_named() {
    let table = Table::from_pool(&proto::POOL).unwrap();
    let status = table.check(EARN, &caller(Some("shop"), None, &[])).unwrap_err();
    assert_eq!(status::metadata_of(&status)["scope"], "points.write");
}

#[test]
fn a_users_token_acts_for_that_user_only() {
    let table = Table::from_pool(&proto::POOL).unwrap();
    let user = caller(Some("shop"), Some("u1"), &["points.read", "events.write", "profiles.write"]);
    let access = table.check(GET_BALANCE, &user).unwrap();
    let request = |user_id: &str| {
        let mut message = empty("banyan.levels.v1.GetBalanceRequest");
        message.set_field_by_name("user_id", Value::String(user_id.to_owned()));
        message
    };
    assert!(access.check_user(&request("u1"), &user).is_ok());
    assert!(access.check_user(&request("u2"), &caller(Some("shop"), None, &["points.read"])).is_ok());
    for other in ["u2", "", "U1", "u1 "] {
        let status = access.check_user(&request(other), &user).unwrap_err();
        assert_eq!(refusal(&status), (Code::PermissionDenied, "USER_NOT_ALLOWED".to_owned()), "{other}");
    }
}

#[test]
fn a_users_token_is_held_to_a_user_named_deep_in_the_request() {
    let table = Table::from_pool(&proto::POOL).unwrap();
    let scopes: BTreeSet<_> = table.scopes();
    let user = caller(Some("shop"), Some("u1"), &scopes.into_iter().collect::<Vec<_>>());
    let access = table.check(RECORD, &user).unwrap();
    let service = proto::POOL.get_service_by_name("banyan.profiles.v1.EventService").unwrap();
    let input = service.methods().find(|method| RECORD.ends_with(method.name())).unwrap().input();
    let request = |user_id: &str| {
        let mut message = DynamicMessage::new(input.clone());
        let field = input.get_field_by_name("event").unwrap();
        let mut event = DynamicMessage::new(field.kind().as_message().unwrap().clone());
        event.set_field_by_name("user_id", Value::String(user_id.to_owned()));
        message.set_field(&field, Value::Message(event));
        message
    };
    assert!(access.check_user(&request("u1"), &user).is_ok());
    assert!(access.check_user(&request("u2"), &user).is_err());
    assert!(access.check_user(&DynamicMessage::new(input.clone()), &user).is_err());
}

#[test]
fn a_server_with_a_method_that_does_not_state_its_access_does_not_start() {
    let access = |option: &str| format!("option (banyan.common.v1.access) = {{{option}}};");
    let cases = [
        (access("scope: 'a.read'"), None),
        (access("scope: 'a.read' user_field: 'user_id'"), None),
        (access("scope: 'a.read' user_field: 'part.user_id'"), None),
        (String::new(), Some("has no option banyan.common.v1.access")),
        (access(""), Some("needs one scope in its access option")),
        (access("scope: 'a b'"), Some("needs one scope in its access option")),
        (
            access("scope: 'a' cross_tenant: true any_tenant: true"),
            Some("must not be both cross_tenant and any_tenant"),
        ),
        (
            access("scope: 'a' cross_tenant: true user_field: 'user_id'"),
            Some("is cross_tenant and so can't have a user_field"),
        ),
        (access("scope: 'a' user_field: 'userid'"), Some("has a user_field that is not a text of its request")),
        (access("scope: 'a' user_field: 'part'"), Some("has a user_field that is not a text of its request")),
        (access("scope: 'a' user_field: 'number'"), Some("has a user_field that is not a text of its request")),
        (access("scope: 'a' user_field: 'many.user_id'"), Some("has a user_field that is not a text of its request")),
        (access("scope: 'a' user_field: 'user_id.x'"), Some("has a user_field that is not a text of its request")),
    ];
    for (option, problem) in cases {
        let got = Table::from_pool(&compile(&option)).map(|_| ()).map_err(|missing| (missing.method, missing.problem));
        let want = problem.map_or(Ok(()), |problem| Err(("/test.Tests/Do".to_owned(), problem)));
        assert_eq!(got, want, "{option}");
    }
}

fn empty(name: &str) -> DynamicMessage {
    DynamicMessage::new(proto::POOL.get_message_by_name(name).unwrap())
}

/// A pool with one method that has `option`.
fn compile(option: &str) -> DescriptorPool {
    let folder = Folder::new();
    folder.write(
        "test.proto",
        &format!(
            r#"syntax = "proto3"; package test; import "banyan/common/v1/options.proto";
            message Part {{ string user_id = 1; }}
            message Request {{ string user_id = 1; Part part = 2; int64 number = 3; repeated Part many = 4; }}
            service Tests {{ rpc Do(Request) returns (Part) {{ {option} }} }}"#
        ),
    );
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = protox::Compiler::new([folder.path(), &contracts, &contracts.join("third_party")]).unwrap();
    compiler.include_imports(true).open_file("test.proto").unwrap();
    DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
}
