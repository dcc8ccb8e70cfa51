//! Health and reflection, which need no token.

use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::server::{Running, SERVICE};

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_is_told_by_service_without_a_token_and_under_overload() {
    let running = Running::with(|settings| settings.calls_max = 0).await;
    let mut health = HealthClient::new(running.anonymous());
    for service in ["", SERVICE] {
        let answer = health.check(of(service)).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    running.health.set(SERVICE, false).await;
    assert_eq!(health.check(of(SERVICE)).await.unwrap().into_inner().status(), ServingStatus::NotServing);
    assert_eq!(health.check(of("no.Such")).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_shows_what_the_server_has() {
    let running = Running::start().await;
    let mut reflection = ServerReflectionClient::new(running.anonymous());
    let question = ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let answer = reflection.server_reflection_info(tokio_stream::once(question)).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, [SERVICE, "grpc.health.v1.Health"]);
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    let running = Running::with(|settings| settings.reflection = false).await;
    let mut reflection = ServerReflectionClient::new(running.anonymous());
    let refused = reflection.server_reflection_info(tokio_stream::once(ServerReflectionRequest::default())).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
}
