use ids::{EventId, Key, UserId};
use proto::levels::v1 as pb;
use proto::levels::v1::benefit_service_server::BenefitService;
use requests::body_of;
use service::{List, Parse, Refuse, write};
use status::{Violations, reason_of};
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::{Api, convert};
use crate::commands::{GiveBackBenefit, PublishBenefit, UseBenefit};
use crate::domain::benefit::{Benefit, BenefitKind, BenefitPeriod, BenefitRange, QUOTA_MAX};
use crate::wire;

#[tonic::async_trait]
impl BenefitService for Api {
    async fn publish_benefit(
        &self,
        request: Request<pb::PublishBenefitRequest>,
    ) -> Result<Response<pb::PublishBenefitResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = publish_benefit(request.get_ref())?;
        if request.get_ref().validate_only {
            let benefit = pb::Benefit { publish_time: None, ..wire::benefit::benefit(&command.benefit) };
            return Ok(Response::new(pb::PublishBenefitResponse { benefit: Some(benefit), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_benefit(&tenant, &command).await }).await
    }

    async fn get_benefit(
        &self,
        request: Request<pb::GetBenefitRequest>,
    ) -> Result<Response<pb::GetBenefitResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("benefit_id", &request.get_ref().benefit_id)?;
        let found = self.levels.benefit(&tenant, &id).await?;
        Ok(Response::new(pb::GetBenefitResponse { benefit: Some(wire::benefit::benefit(&found)) }))
    }

    async fn list_benefits(
        &self,
        request: Request<pb::ListBenefitsRequest>,
    ) -> Result<Response<pb::ListBenefitsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "BenefitService/ListBenefits", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_benefits(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListBenefitsResponse {
            benefits: page.rows.iter().map(wire::benefit::benefit).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn list_user_benefits(
        &self,
        request: Request<pb::ListUserBenefitsRequest>,
    ) -> Result<Response<pb::ListUserBenefitsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let list = List::new(&self.pages, "BenefitService/ListUserBenefits", &tenant, &[&sent.user_id]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let size = page::size(sent.page_size, 50, 200);
        let page = self.levels.list_user_benefits(&tenant, &user, &after, size, &sent.at_least).await?;
        let next_page_token = list.next(page.next.map(|id| vec![id]));
        Ok(Response::new(pb::ListUserBenefitsResponse { benefits: page.rows, next_page_token }))
    }

    async fn check_benefit(
        &self,
        request: Request<pb::CheckBenefitRequest>,
    ) -> Result<Response<pb::CheckBenefitResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, benefit) = convert::user_and_key(&sent.user_id, "benefit_id", &sent.benefit_id)?;
        let asked = (&user, &benefit, i64::from(sent.count.max(1)));
        let checked = self.levels.check_benefit(&tenant, asked, &sent.at_least).await?;
        Ok(Response::new(pb::CheckBenefitResponse {
            allowed: checked.refusal.is_none(),
            reason: checked.refusal.and_then(|refusal| reason_of(&refusal.status())).unwrap_or_default(),
            sentence: Some(checked.sentence),
            benefit: Some(checked.benefit),
        }))
    }

    async fn use_benefit(
        &self,
        request: Request<pb::UseBenefitRequest>,
    ) -> Result<Response<pb::UseBenefitResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = use_benefit(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.use_benefit(&tenant, &command).await }).await
    }

    async fn give_back_benefit(
        &self,
        request: Request<pb::GiveBackBenefitRequest>,
    ) -> Result<Response<pb::GiveBackBenefitResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = give_back_benefit(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.give_back_benefit(&tenant, &command).await }).await
    }

    async fn list_benefit_uses(
        &self,
        request: Request<pb::ListBenefitUsesRequest>,
    ) -> Result<Response<pb::ListBenefitUsesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, benefit) = user_and_benefit(&sent.user_id, &sent.benefit_id)?;
        let args = [sent.user_id.as_str(), sent.benefit_id.as_str()];
        let list = List::new(&self.pages, "BenefitService/ListBenefitUses", &tenant, &args);
        let before = list.open_time(&sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let asked = (&user, benefit.as_ref());
        let page = self.levels.list_benefit_uses(&tenant, asked, before, size, &sent.at_least).await?;
        Ok(Response::new(pb::ListBenefitUsesResponse {
            uses: page.rows.iter().map(wire::benefit::benefit_use).collect(),
            next_page_token: list.next_time(page.next),
        }))
    }
}

fn publish_benefit(sent: &pb::PublishBenefitRequest) -> Result<PublishBenefit, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "BenefitService/PublishBenefit", &sent.request_id, body_of(sent));
    let it = sent.benefit.clone().unwrap_or_default();
    let id = parse.key("benefit.benefit_id", &it.benefit_id);
    let display_name = parse.text("benefit.display_name", it.display_name.as_ref());
    let description = it.description.as_ref().map(|text| parse.text("benefit.description", Some(text)));
    let kind = i16::try_from(it.kind).ok().and_then(BenefitKind::from_code);
    parse.require(kind.is_some(), "benefit.kind", "must be one of the kinds");
    let scheme = Some(&it.scheme_id).filter(|id| !id.is_empty()).and_then(|id| parse.key("benefit.scheme_id", id));
    let ranges = ranges(&mut parse, &it, kind);
    let zone = Some(&it.zone).filter(|name| !name.is_empty());
    let zone =
        zone.and_then(|name| Zone::new(name).map_err(|fault| parse.refuse("benefit.zone", fault.to_string())).ok());
    let period = period(&mut parse, &it, kind);
    let valid_from = parse.time("benefit.valid_from", it.valid_from.as_ref());
    let valid_until = parse.time("benefit.valid_until", it.valid_until.as_ref());
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        parse.refuse("benefit.valid_until", "must be after valid_from");
    }
    let (paused, cost_minor) = (it.paused, it.cost_minor);
    let read = (|| {
        let (version, publish_time) = (0, OffsetDateTime::UNIX_EPOCH);
        let (id, kind) = (id?, kind?);
        let benefit = Benefit {
            id,
            display_name,
            description,
            kind,
            scheme,
            ranges,
            period,
            zone,
            valid_from,
            valid_until,
            paused,
            cost_minor,
            version,
            publish_time,
        };
        Some(PublishBenefit { request: request?, benefit })
    })();
    parse.done(read)
}

fn ranges(parse: &mut Parse, sent: &pb::Benefit, kind: Option<BenefitKind>) -> Vec<BenefitRange> {
    let everybodys = [pb::BenefitRange { first_rank: 0, last_rank: None, quota: 0 }];
    let shape: Vec<_> = sent.ranges.iter().map(|it| pb::BenefitRange { quota: 0, ..*it }).collect();
    if sent.scheme_id.is_empty() && shape != everybodys {
        parse.refuse("benefit.ranges", "must be one from 0 without an end where there is no scheme");
    }
    let mut ranges: Vec<BenefitRange> = Vec::with_capacity(sent.ranges.len());
    for (place, it) in sent.ranges.iter().enumerate() {
        let field = |name: &str| format!("benefit.ranges[{place}].{name}");
        let rank = |rank: i32| usize::try_from(rank).unwrap_or(0);
        let (first_rank, last_rank) = (rank(it.first_rank), it.last_rank.map(rank));
        let below = ranges.last().map(|below| below.last_rank.unwrap_or(usize::MAX));
        if below.is_some_and(|below| first_rank <= below) {
            parse.refuse(field("first_rank"), "must be above the range before");
        }
        if last_rank.is_some_and(|last| last < first_rank) {
            parse.refuse(field("last_rank"), "must not be below first_rank");
        }
        if it.quota != 0 && kind.is_some_and(|kind| kind != BenefitKind::Service) {
            parse.refuse(field("quota"), "must be 0: only uses of a SERVICE are counted");
        }
        let quota = Some(i64::from(it.quota)).filter(|quota| *quota > 0);
        ranges.push(BenefitRange { first_rank, last_rank, quota });
    }
    ranges
}

fn period(parse: &mut Parse, sent: &pb::Benefit, kind: Option<BenefitKind>) -> Option<BenefitPeriod> {
    let period = i16::try_from(sent.period).ok().and_then(BenefitPeriod::from_code);
    let (no_scheme, no_zone) = (sent.scheme_id.is_empty(), sent.zone.is_empty());
    match (kind, period) {
        (Some(BenefitKind::Service), None) => parse.refuse("benefit.period", "is needed for SERVICE"),
        (Some(BenefitKind::Cosmetic | BenefitKind::Restriction), Some(_)) => {
            parse.refuse("benefit.period", "must be UNSPECIFIED: only uses of a SERVICE are counted");
        }
        (_, Some(BenefitPeriod::Level)) if no_scheme => parse.refuse("benefit.period", "LEVEL needs a scheme"),
        (_, Some(period)) if period.is_of_the_calendar() && no_scheme && no_zone => {
            parse.refuse("benefit.zone", "is needed without a scheme");
        }
        _ => {}
    }
    period
}

fn use_benefit(sent: &pb::UseBenefitRequest) -> Result<UseBenefit, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "BenefitService/UseBenefit", &sent.request_id, body_of(sent));
    let (user, benefit) = (parse.user(&sent.user_id), parse.key("benefit_id", &sent.benefit_id));
    let count = i64::from(sent.count);
    parse.require((1..=QUOTA_MAX).contains(&count), "count", "must lie between 1 and 1000000");
    let (order_id, reason) = (sent.order_id.clone(), sent.reason.clone());
    let read = (|| Some(UseBenefit { request: request?, user: user?, benefit: benefit?, count, order_id, reason }))();
    parse.done(read)
}

fn give_back_benefit(sent: &pb::GiveBackBenefitRequest) -> Result<GiveBackBenefit, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "BenefitService/GiveBackBenefit", &sent.request_id, body_of(sent));
    let user = parse.user(&sent.user_id);
    let use_id = EventId::new(sent.use_id.as_str()).map_err(|fault| parse.refuse("use_id", fault.to_string())).ok();
    let (total, reason) = (i64::from(sent.count), sent.reason.clone());
    parse.require((0..=QUOTA_MAX).contains(&total), "count", "must lie between 0 and 1000000");
    let read = (|| Some(GiveBackBenefit { request: request?, user: user?, use_id: use_id?, total, reason }))();
    parse.done(read)
}

fn user_and_benefit(user: &str, benefit: &str) -> Result<(UserId, Option<Key>), Violations> {
    let mut parse = Parse::default();
    let user = parse.user(user);
    let benefit = Some(benefit).filter(|id| !id.is_empty()).and_then(|id| parse.key("benefit_id", id));
    parse.done(user.map(|user| (user, benefit)))
}
