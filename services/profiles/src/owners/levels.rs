use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use host::Peers;
use ids::TenantId;
use proto::common::v1::ErrorReason;
use proto::levels::v1::earning_rule_service_client::EarningRuleServiceClient;
use proto::levels::v1::level_service_client::LevelServiceClient;
use proto::levels::v1::points_service_client::PointsServiceClient;
use proto::levels::v1::{
    CreatePointTypeRequest, EarningRule, ListEarningRulesRequest, ListPointTypesRequest, ListSchemesRequest, PointType,
    PublishEarningRuleRequest, PublishSchemeRequest, Scheme,
};
use proto::programme::v1::ProgrammeBundle;
use rt::{Channel, repeatable};
use tonic::{Code, Status};

use super::{Checked, NotPublished, Owners, Publication};
use crate::domain::programme::course::Violation;
use crate::error::ProfilesError;

/// The service that owns point types, rules and schemes.
const SERVICE: &str = "levels";
/// The request id of checks, which record none.
const CHECK: &str = "check";
/// Definitions that are checked at the same time.
const CHECKS: usize = 8;
/// Definitions of a page.
const PAGE: i32 = 200;

/// The service levels over the network.
pub(crate) struct Levels(pub(crate) Peers);

impl Owners for Levels {
    fn check<'a>(
        &'a self,
        tenant: &'a TenantId,
        bundle: &'a ProgrammeBundle,
    ) -> BoxFuture<'a, Result<Checked, ProfilesError>> {
        async move { check(&self.channel(tenant)?, bundle).await.map_err(peer) }.boxed()
    }

    fn in_force<'a>(&'a self, tenant: &'a TenantId) -> BoxFuture<'a, Result<ProgrammeBundle, ProfilesError>> {
        async move { in_force(&self.channel(tenant)?).await.map_err(peer) }.boxed()
    }

    fn publish<'a>(
        &'a self,
        tenant: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>> {
        async move {
            let channel = self.channel(tenant).map_err(NotPublished::Unsettled)?;
            publish(channel, request_id, publication).await.map_err(not_published)
        }
        .boxed()
    }
}

impl Levels {
    fn channel(&self, tenant: &TenantId) -> Result<Channel, ProfilesError> {
        self.0.on_behalf(SERVICE, tenant).map_err(peer)
    }
}

async fn check(channel: &Channel, bundle: &ProgrammeBundle) -> Result<Checked, Status> {
    let mut checked = Checked { bundle: bundle.clone(), violations: Vec::new() };
    let types = bundle.point_types.clone().into_iter().map(|it| check_point_type(channel.clone(), it));
    let types: Vec<_> = stream::iter(types).buffered(CHECKS).try_collect().await?;
    for (place, outcome) in types.into_iter().enumerate() {
        let path = format!("bundle.point_types[{place}]");
        take(&mut checked.bundle.point_types[place], outcome, ("point_type", path), &mut checked.violations);
    }
    let rules = bundle.earning_rules.clone().into_iter().map(|it| check_rule(channel.clone(), it));
    let rules: Vec<_> = stream::iter(rules).buffered(CHECKS).try_collect().await?;
    for (place, outcome) in rules.into_iter().enumerate() {
        let path = format!("bundle.earning_rules[{place}]");
        take(&mut checked.bundle.earning_rules[place], outcome, ("rule", path), &mut checked.violations);
    }
    if let Some(scheme) = &mut checked.bundle.scheme {
        let outcome = check_scheme(channel.clone(), scheme.clone()).await?;
        take(scheme, outcome, ("scheme", "bundle.scheme".to_owned()), &mut checked.violations);
    }
    Ok(checked)
}

/// A definition as its owner reads it, or what is wrong with it: field and description.
type Reading<T> = Result<T, Vec<(String, String)>>;

async fn check_point_type(channel: Channel, it: PointType) -> Result<Reading<PointType>, Status> {
    let request = CreatePointTypeRequest { request_id: CHECK.to_owned(), point_type: Some(it), validate_only: true };
    let answer = PointsServiceClient::new(channel).create_point_type(repeatable(request)).await;
    reading(answer.map(|answer| answer.into_inner().point_type.unwrap_or_default()))
}

async fn check_rule(channel: Channel, it: EarningRule) -> Result<Reading<EarningRule>, Status> {
    let request = PublishEarningRuleRequest { request_id: CHECK.to_owned(), rule: Some(it), validate_only: true };
    let answer = EarningRuleServiceClient::new(channel).publish_earning_rule(repeatable(request)).await;
    reading(answer.map(|answer| answer.into_inner().rule.unwrap_or_default()))
}

async fn check_scheme(channel: Channel, it: Scheme) -> Result<Reading<Scheme>, Status> {
    let request = PublishSchemeRequest { request_id: CHECK.to_owned(), scheme: Some(it), validate_only: true };
    let answer = LevelServiceClient::new(channel).publish_scheme(repeatable(request)).await;
    reading(answer.map(|answer| answer.into_inner().scheme.unwrap_or_default()))
}

fn reading<T>(answer: Result<T, Status>) -> Result<Reading<T>, Status> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(status) if status.code() == Code::InvalidArgument => Ok(Err(status::violations_of(&status))),
        Err(status) => Err(status),
    }
}

/// Puts a definition in its place as its owner reads it, or what is wrong with it under the path that it has in the
/// bundle.
fn take<T>(place: &mut T, outcome: Reading<T>, (field, path): (&str, String), violations: &mut Vec<Violation>) {
    match outcome {
        Ok(value) => *place = value,
        Err(found) => violations.extend(found.into_iter().map(|(at, why)| {
            let below = at.strip_prefix(field).unwrap_or_default();
            Violation { field: format!("{path}{below}"), why }
        })),
    }
}

async fn in_force(channel: &Channel) -> Result<ProgrammeBundle, Status> {
    let mut bundle = ProgrammeBundle::default();
    let mut points = PointsServiceClient::new(channel.clone());
    let mut page_token = String::new();
    loop {
        let request = ListPointTypesRequest { page_size: PAGE, page_token };
        let page = points.list_point_types(repeatable(request)).await?.into_inner();
        bundle.point_types.extend(page.point_types);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut rules = EarningRuleServiceClient::new(channel.clone());
    loop {
        let request = ListEarningRulesRequest { page_size: PAGE, page_token };
        let page = rules.list_earning_rules(repeatable(request)).await?.into_inner();
        bundle.earning_rules.extend(page.rules);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let request = repeatable(ListSchemesRequest::default());
    let schemes = LevelServiceClient::new(channel.clone()).list_schemes(request).await?.into_inner().schemes;
    bundle.scheme = schemes.into_iter().next(); // a tenant has at most one
    Ok(bundle)
}

async fn publish(channel: Channel, request_id: String, publication: Publication) -> Result<(), Status> {
    match publication {
        Publication::PointType(it) => {
            let request = CreatePointTypeRequest { request_id, point_type: Some(it), validate_only: false };
            PointsServiceClient::new(channel).create_point_type(repeatable(request)).await?;
        }
        Publication::EarningRule(it) => {
            let request = PublishEarningRuleRequest { request_id, rule: Some(it), validate_only: false };
            EarningRuleServiceClient::new(channel).publish_earning_rule(repeatable(request)).await?;
        }
        Publication::Scheme(it) => {
            let request = PublishSchemeRequest { request_id, scheme: Some(it), validate_only: false };
            LevelServiceClient::new(channel).publish_scheme(repeatable(request)).await?;
        }
    }
    Ok(())
}

fn not_published(status: Status) -> NotPublished {
    let reason = status::reason_of(&status).unwrap_or_default();
    let refused = match status.code() {
        Code::InvalidArgument | Code::AlreadyExists | Code::FailedPrecondition | Code::OutOfRange => true,
        // a tenant that was just created is on its way to the other service
        Code::NotFound => reason != "TENANT_NOT_FOUND",
        _ => false,
    };
    if refused {
        NotPublished::Refused(format!("{reason}: {}", status.message()))
    } else {
        NotPublished::Unsettled(peer(status))
    }
}

/// A failure of the other service. Whatever it is, the caller's own call has not come to an end: it must not be told
/// anything that sounds definite.
fn peer(status: Status) -> ProfilesError {
    let passed = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Aborted | Code::Internal => status,
        _ => {
            let message = format!("{SERVICE} did not do its part: {}", status.message());
            status::refuse(Code::Unavailable, ErrorReason::StoreUnavailable, message).with("service", SERVICE).into()
        }
    };
    ProfilesError::Peer(Box::new(passed))
}
