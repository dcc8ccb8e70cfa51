//! A sandbox's manual clock, over all services.

use end_to_end::harness::{Suite, reason};
use prost::Message;
use prost_types::Timestamp;
use proto::admin::v1::{AdvanceClockRequest, AdvanceClockResponse, CreateTenantRequest, Tenant};
use proto::common::v1::LocalizedText;
use proto::levels::v1 as levels;
use time::OffsetDateTime;
use time::macros::datetime;
use tonic::{Code, Status};
use units::time::{from_proto, to_proto};

pub(crate) async fn call<Q: Message, A: Message + Default>(
    suite: &Suite,
    path: &str,
    request: &Q,
) -> Result<A, Status> {
    let token = suite.token_for(path, "lab");
    let answer = suite.call(path, Some(&token), request.encode_to_vec()).await?;
    Ok(A::decode(&answer.message[..]).expect("an answer is a valid message"))
}

async fn create(suite: &Suite, sandbox: bool, clock: Option<OffsetDateTime>) {
    create_as(suite, (sandbox, "Asia/Shanghai"), clock).await;
}

/// A sandbox in a zone.
pub(crate) async fn create_in(suite: &Suite, zone: &str, clock: Option<OffsetDateTime>) {
    create_as(suite, (true, zone), clock).await;
}

async fn create_as(suite: &Suite, (sandbox, zone): (bool, &str), clock: Option<OffsetDateTime>) {
    let tenant = Tenant {
        tenant_id: "lab".to_owned(),
        display_name: "实验店".to_owned(),
        zone: zone.to_owned(),
        currency: "CNY".to_owned(),
        sandbox,
        clock: clock.map(to_proto),
        ..Tenant::default()
    };
    let request = CreateTenantRequest { request_id: "create".to_owned(), tenant: Some(tenant) };
    let path = "/banyan.admin.v1.TenantService/CreateTenant";
    call::<_, proto::admin::v1::CreateTenantResponse>(suite, path, &request).await.expect("the tenant is created");
}

async fn advance(suite: &Suite, id: &str, to: OffsetDateTime) -> Result<AdvanceClockResponse, Status> {
    let request =
        AdvanceClockRequest { request_id: id.to_owned(), tenant_id: "lab".to_owned(), to: Some(to_proto(to)) };
    call(suite, "/banyan.admin.v1.TenantService/AdvanceClock", &request).await
}

/// Calls again until the clock stands at a time; answers where it stood after each call.
pub(crate) async fn advance_to(suite: &Suite, name: &str, to: OffsetDateTime) -> Vec<OffsetDateTime> {
    let mut stood = Vec::new();
    for n in 0..200 {
        let answer = match advance(suite, &format!("{name}-{n}"), to).await {
            // its steps were made, and the next call goes on from there
            Err(late) if late.code() == Code::DeadlineExceeded => continue,
            answer => answer.expect("the clock is moved"),
        };
        let clock = answer.tenant.and_then(|tenant| tenant.clock).expect("a sandbox has a clock");
        stood.push(time_of(&clock));
        if answer.done {
            return stood;
        }
    }
    panic!("the clock does not come to {to}: {stood:?}");
}

fn time_of(at: &Timestamp) -> OffsetDateTime {
    from_proto(at).expect("a time")
}

/// Points that lapse a month after the day of earning.
async fn monthly_points(suite: &Suite) {
    let texts = [("zh".to_owned(), "积分".to_owned())].into();
    let point_type = levels::PointType {
        point_type_id: "points".to_owned(),
        display_name: Some(LocalizedText { texts, fallback: String::new() }),
        spendable: true,
        expiry_policy: levels::ExpiryPolicy::Months.into(),
        expiry_count: 1,
        reversal_policy: levels::ReversalPolicy::DownToZero.into(),
        zone: "Asia/Shanghai".to_owned(),
        ..levels::PointType::default()
    };
    let request = levels::CreatePointTypeRequest {
        request_id: "type".to_owned(),
        point_type: Some(point_type),
        validate_only: false,
    };
    let path = "/banyan.levels.v1.PointsService/CreatePointType";
    call::<_, levels::CreatePointTypeResponse>(suite, path, &request).await.expect("the point type is created");
}

async fn statement(suite: &Suite) -> Vec<(levels::EntryKind, i64, OffsetDateTime, OffsetDateTime)> {
    let request = levels::ListEntriesRequest {
        user_id: "u".to_owned(),
        point_type_id: "points".to_owned(),
        ..levels::ListEntriesRequest::default()
    };
    let path = "/banyan.levels.v1.PointsService/ListEntries";
    let answer: levels::ListEntriesResponse = call(suite, path, &request).await.expect("the statement is read");
    let line = |entry: &levels::Entry| {
        let at = |at: &Option<Timestamp>| time_of(at.as_ref().expect("a time"));
        (entry.kind(), entry.amount, at(&entry.occurred_at), at(&entry.recorded_at))
    };
    answer.entries.iter().rev().map(line).collect()
}

#[tokio::test]
async fn a_sandbox_goes_from_one_due_time_to_the_next_and_books_what_falls_due_at_its_own_time() {
    let suite = Suite::start().await;
    let start = datetime!(2024-01-31 04:00 UTC);
    create(&suite, true, Some(start)).await;
    monthly_points(&suite).await;
    let earn = levels::EarnRequest {
        request_id: "earn".to_owned(),
        user_id: "u".to_owned(),
        point_type_id: "points".to_owned(),
        amount: 50,
        ..levels::EarnRequest::default()
    };
    let path = "/banyan.levels.v1.PointsService/Earn";
    call::<_, levels::EarnResponse>(&suite, path, &earn).await.expect("points are given");
    // 31 January and a month: the end of 29 February in Shanghai
    let lapse = datetime!(2024-02-29 16:00 UTC);
    advance_to(&suite, "to the eve", lapse - time::Duration::SECOND).await;
    assert_eq!(statement(&suite).await, [(levels::EntryKind::Earn, 50, start, start)]);
    let to = datetime!(2024-03-02 00:00 UTC);
    let stood = advance_to(&suite, "past it", to).await;
    assert_eq!(stood.last(), Some(&to));
    // booked when the clock stood at the very time of the lapse, because the clock stopped there
    assert_eq!(
        statement(&suite).await,
        [(levels::EntryKind::Earn, 50, start, start), (levels::EntryKind::Expire, -50, lapse, lapse)]
    );
}

#[tokio::test]
async fn a_repeated_move_of_the_clock_answers_the_same_and_a_clock_never_goes_back() {
    let suite = Suite::start().await;
    create(&suite, true, Some(datetime!(2025-05-01 00:00 UTC))).await;
    let to = datetime!(2025-05-03 12:00 UTC);
    advance_to(&suite, "first", to).await;
    let first = advance(&suite, "same", to).await.expect("the clock is there already");
    assert!(first.done);
    assert_eq!(advance(&suite, "same", to).await.expect("a replay"), first);
    let back = advance(&suite, "back", datetime!(2025-05-01 00:00 UTC)).await.expect("nothing is to be done");
    assert_eq!(back.tenant.and_then(|tenant| tenant.clock).as_ref().map(time_of), Some(to));
    let other = advance(&suite, "same", datetime!(2025-06-01 00:00 UTC)).await.expect_err("another body");
    assert_eq!(reason(&other), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn only_a_sandbox_has_a_clock_to_move() {
    let suite = Suite::start().await;
    create(&suite, false, None).await;
    let refused = advance(&suite, "real", datetime!(2030-01-01 00:00 UTC)).await.expect_err("a real tenant");
    assert_eq!(reason(&refused), "TENANT_NOT_SANDBOX");
}

#[tokio::test]
async fn a_suspended_tenant_is_refused_by_every_service_and_one_never_created_is_unknown() {
    use proto::admin::v1::{TenantState, UpdateTenantRequest, UpdateTenantResponse};
    let suite = Suite::start().await;
    let path = "/banyan.levels.v1.PointsService/CreatePointType";
    let sample = end_to_end::samples::Names { tenant: "lab", user: "u", ids: "a", canary: "c" };
    let bodies = suite.requests(&sample);
    let body = bodies.iter().find(|(name, _)| *name == path).map(|(_, body)| body.clone()).expect("a sample");
    let token = suite.token_for(path, "lab");
    let unknown = suite.call(path, Some(&token), body.clone()).await.expect_err("no such tenant");
    assert_eq!(reason(&unknown), "TENANT_NOT_FOUND");
    create(&suite, false, None).await;
    let (tenant_id, display_name) = ("lab".to_owned(), "实验店".to_owned());
    let tenant = Tenant { tenant_id, display_name, state: TenantState::Suspended.into(), ..Tenant::default() };
    let mask = prost_types::FieldMask { paths: vec!["state".to_owned()] };
    let update = UpdateTenantRequest { request_id: "stop".to_owned(), tenant: Some(tenant), update_mask: Some(mask) };
    let update_path = "/banyan.admin.v1.TenantService/UpdateTenant";
    call::<_, UpdateTenantResponse>(&suite, update_path, &update).await.expect("the tenant is suspended");
    suite.quiet().await;
    let suspended = suite.call(path, Some(&token), body).await.expect_err("a suspended tenant");
    assert_eq!(reason(&suspended), "TENANT_SUSPENDED");
}
