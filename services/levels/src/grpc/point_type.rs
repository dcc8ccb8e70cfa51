//! The part of `PointsService` that defines point types.

use proto::levels::v1 as pb;
use requests::body_of;
use service::{Parse, write};
use status::Violations;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::Api;
use super::earning_convert::caps;
use crate::commands::{CreatePointType, UpdatePointType};
use crate::domain::expiry::Expiry;
use crate::domain::point_type::{AMOUNT_MAX, Activation, PointType, ReversalPolicy, Rounding, TransferLimits};
use crate::domain::point_type_change::Part;
use crate::wire;

impl Api {
    pub(super) async fn create_point_type_of(
        &self,
        request: Request<pb::CreatePointTypeRequest>,
    ) -> Result<Response<pb::CreatePointTypeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = create_point_type(request.get_ref())?;
        if request.get_ref().validate_only {
            let stored = wire::point_type(&command.point_type);
            let point_type =
                Some(pb::PointType { create_time: None, update_time: None, etag: String::new(), ..stored });
            return Ok(Response::new(pb::CreatePointTypeResponse { point_type, position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.create_point_type(&tenant, &command).await }).await
    }

    pub(super) async fn update_point_type_of(
        &self,
        request: Request<pb::UpdatePointTypeRequest>,
    ) -> Result<Response<pb::UpdatePointTypeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = update_point_type(request.get_ref())?;
        if request.get_ref().validate_only {
            return Ok(Response::new(self.levels.try_point_type(&tenant, &command).await?));
        }
        let levels = self.levels.clone();
        write(async move { levels.update_point_type(&tenant, &command).await }).await
    }
}

fn create_point_type(sent: &pb::CreatePointTypeRequest) -> Result<CreatePointType, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "PointsService/CreatePointType", &sent.request_id, body_of(sent));
    let it = sent.point_type.clone().unwrap_or_default();
    let policies = policies(&mut parse, &it, &Part::ALL);
    let zone = Zone::new(&it.zone).map_err(|fault| parse.refuse("point_type.zone", fault.to_string())).ok();
    let only_spent = "needs a type whose points can be spent";
    parse.require(it.spendable || it.overdraft_limit == 0, "point_type.overdraft_limit", only_spent);
    parse.require(it.spendable || it.transfers.is_none(), "point_type.transfers", only_spent);
    let read = (|| {
        let point_type = PointType { spendable: it.spendable, zone: zone?, ..policies? };
        Some(CreatePointType { request: request?, point_type })
    })();
    parse.done(read)
}

fn update_point_type(sent: &pb::UpdatePointTypeRequest) -> Result<UpdatePointType, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "PointsService/UpdatePointType", &sent.request_id, body_of(sent));
    let it = sent.point_type.clone().unwrap_or_default();
    let parts = parse.mask(sent.update_mask.as_ref(), &Part::ALL.map(|part| (part.name(), part)));
    let policies = policies(&mut parse, &it, &parts);
    let read = request.zip(policies);
    parse.done(read.map(|(request, point_type)| UpdatePointType { request, etag: it.etag, point_type, parts }))
}

/// The id, and those parts of a point type that are asked for; the others are the plainest.
fn policies(parse: &mut Parse, it: &pb::PointType, parts: &[Part]) -> Option<PointType> {
    let mut read = PointType::new(parse.key("point_type.point_type_id", &it.point_type_id)?, Zone::utc());
    for part in parts {
        match part {
            Part::DisplayName => read.display_name = parse.text("point_type.display_name", it.display_name.as_ref()),
            Part::Activation => read.activation = activation(parse, it).unwrap_or(read.activation),
            Part::Expiry => read.expiry = expiry(parse, it).unwrap_or(read.expiry),
            Part::Rounding => read.rounding = rounding(parse, it).unwrap_or(read.rounding),
            Part::Reversal => read.reversal = reversal(parse, it).unwrap_or(read.reversal),
            Part::Overdraft => read.overdraft = limit(parse, "overdraft_limit", it.overdraft_limit),
            Part::AdjustmentLimit => read.adjustment_limit = limit(parse, "adjustment_limit", it.adjustment_limit),
            Part::Caps => read.caps = caps(parse, "point_type.caps", &it.caps),
            Part::Transfers => read.transfers = transfers(parse, it),
        }
    }
    Some(read)
}

fn activation(parse: &mut Parse, it: &pb::PointType) -> Option<Activation> {
    let policy = i16::try_from(it.activation_policy.max(1)).ok(); // unspecified is at once
    let activation = policy.and_then(|code| Activation::from_code(code, it.activation_count));
    parse.require(activation.is_some(), "point_type.activation_count", "must be 1 to 365 for DAYS, else 0");
    activation
}

fn expiry(parse: &mut Parse, it: &pb::PointType) -> Option<Expiry> {
    let (policy, rounding) = (i16::try_from(it.expiry_policy).ok()?, i16::try_from(it.expiry_rounding).ok()?);
    let expiry = Expiry::from_code(policy, it.expiry_count, rounding);
    if policy == 0 {
        parse.refuse("point_type.expiry_policy", "is required");
    } else if expiry.is_none() {
        let without_rounding = Expiry::from_code(policy, it.expiry_count, 0).is_some();
        parse.require(!without_rounding, "point_type.expiry_rounding", "is for DAYS and MONTHS");
        let count = "must be 1 to 3650 for DAYS and INACTIVITY, 1 to 120 for MONTHS, else 0";
        parse.require(without_rounding, "point_type.expiry_count", count);
    }
    expiry
}

fn reversal(parse: &mut Parse, it: &pb::PointType) -> Option<ReversalPolicy> {
    let reversal = i16::try_from(it.reversal_policy).ok().and_then(ReversalPolicy::from_code);
    let fault = if it.reversal_policy == 0 { "is required" } else { "must be one of the policies" };
    parse.require(reversal.is_some(), "point_type.reversal_policy", fault);
    reversal
}

fn rounding(parse: &mut Parse, it: &pb::PointType) -> Option<Rounding> {
    let rounding = i16::try_from(it.rounding.max(1)).ok().and_then(Rounding::from_code); // unspecified is down
    parse.require(rounding.is_some(), "point_type.rounding", "must be one of the roundings");
    rounding
}

fn limit(parse: &mut Parse, field: &str, points: i64) -> i64 {
    if !(0..=AMOUNT_MAX).contains(&points) {
        parse.refuse(format!("point_type.{field}"), format!("must lie between 0 and {AMOUNT_MAX}"));
    }
    points
}

fn transfers(parse: &mut Parse, it: &pb::PointType) -> Option<TransferLimits> {
    let pb::TransferLimits { max_amount, max_per_day } = it.transfers?;
    let field = "point_type.transfers.max_amount";
    parse.require((1..=AMOUNT_MAX).contains(&max_amount), field, "must lie between 1 and 1,000,000,000,000");
    let field = "point_type.transfers.max_per_day";
    parse.require(
        (max_amount..=AMOUNT_MAX).contains(&max_per_day),
        field,
        "must lie between max_amount and 1,000,000,000,000",
    );
    Some(TransferLimits { max_amount, max_per_day })
}
