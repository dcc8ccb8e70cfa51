//! What the suite prints when it is ready: where it is, where the tokens are, and three calls to try.

use std::net::SocketAddr;
use std::path::Path;

use ids::TenantId;

use crate::folder::Folder;

/// The tenant of the calls to try.
const TENANT: &str = "try";

/// The token of a second person in that tenant: nobody approves what they asked for themselves.
const APPROVER: &str = "try-approver";

/// Where the tokens are.
struct Tokens<'a> {
    tenant: &'a Path,
    approver: &'a Path,
    operator: &'a Path,
}

/// Writes the tokens and prints the welcome.
#[allow(clippy::print_stdout, reason = "the address and the tokens are the program's output")]
pub(super) fn print(address: SocketAddr, folder: &Folder) -> anyhow::Result<()> {
    let tenant = TenantId::new(TENANT)?;
    let tenant_file = folder.write_token(TENANT, &folder.tenant_token(&tenant)?)?;
    let approver_file = folder.write_token(APPROVER, &folder.approver_token(&tenant)?)?;
    let operator_file = folder.write_token("operator", &folder.operator_token()?)?;
    let tokens = Tokens { tenant: &tenant_file, approver: &approver_file, operator: &operator_file };
    println!("{}", text(address, folder.path(), tokens));
    Ok(())
}

fn text(address: SocketAddr, data: &Path, tokens: Tokens<'_>) -> String {
    let (data, tenant, operator) = (data.display(), tokens.tenant.display(), tokens.operator.display());
    let approver = tokens.approver.display();
    let call = |token: &dyn std::fmt::Display, body: &str, method: &str| {
        format!(
            "buf curl --protocol grpc --http2-prior-knowledge -H \"Authorization: Bearer $(cat {token})\" \\\n    \
             -d '{body}' \\\n    http://{address}/{method}"
        )
    };
    let create = call(
        &operator,
        r#"{"request_id":"t1","tenant":{"tenant_id":"try","display_name":"Try","zone":"UTC","currency":"USD","sandbox":true}}"#,
        "banyan.admin.v1.TenantService/CreateTenant",
    );
    let report = call(
        &tenant,
        r#"{"event":{"event_id":"e1","user_id":"u1","occurred_at":"2026-01-31T08:00:00Z","order_paid":{"order":{"order_id":"o1","total":{"currency_code":"USD","units":42}}}}}"#,
        "banyan.profiles.v1.EventService/RecordEvent",
    );
    let read = call(&tenant, r#"{"user_id":"u1"}"#, "banyan.profiles.v1.ProfileService/GetProfile");
    format!(
        "Banyan serves gRPC on {address}, without TLS, for development. Data folder: {data}\n\
         Tokens, good for 12 hours from the start: {tenant} (tenant `{TENANT}`), {approver} (a second \
         person there, who approves what the first asked for), {operator} (across tenants).\n\
         \n\
         Three calls to try (or with grpcurl: grpcurl -plaintext -H … -d … {address} SERVICE/METHOD; \
         for Python see README.md):\n\n{create}\n\n{report}\n\n{read}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens<'static> {
        Tokens { tenant: Path::new("/t"), approver: Path::new("/a"), operator: Path::new("/o") }
    }

    #[test]
    fn the_calls_name_methods_that_exist() {
        let address = SocketAddr::from(([127, 0, 0, 1], 50051));
        let text = text(address, Path::new("/d"), tokens());
        let mut calls = 0;
        for line in text.lines().filter_map(|line| line.trim().strip_prefix("http://127.0.0.1:50051/")) {
            let (service, method) = line.split_once('/').expect("service/method");
            let service = proto::POOL.get_service_by_name(service).expect("the service exists");
            assert!(service.methods().any(|found| found.name() == method), "{line}");
            calls += 1;
        }
        assert_eq!(calls, 3);
    }

    #[test]
    fn the_bodies_of_the_calls_are_requests() {
        use prost_reflect::DynamicMessage;
        let text = text(SocketAddr::from(([127, 0, 0, 1], 1)), Path::new("/d"), tokens());
        let bodies: Vec<_> =
            text.lines().filter_map(|line| line.trim().strip_prefix("-d '")?.strip_suffix("' \\")).collect();
        let requests =
            ["admin.v1.CreateTenantRequest", "profiles.v1.RecordEventRequest", "profiles.v1.GetProfileRequest"];
        assert_eq!(bodies.len(), requests.len());
        for (body, request) in bodies.iter().zip(requests) {
            let message = proto::POOL.get_message_by_name(&format!("banyan.{request}")).expect("the message exists");
            let mut json = serde_json::Deserializer::from_str(body);
            DynamicMessage::deserialize(message, &mut json).expect("the body is the request");
        }
    }
}
