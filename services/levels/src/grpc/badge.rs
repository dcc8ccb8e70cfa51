use ids::Key;
use proto::levels::v1 as pb;
use proto::levels::v1::badge_service_server::BadgeService;
use requests::body_of;
use service::{List, Parse, write};
use status::Violations;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::{Api, convert};
use crate::commands::{AwardBadge, PublishBadge, RevokeBadge};
use crate::domain::badge::{Badge, BadgeTier, TIERS_MAX};
use crate::domain::bonus::{Bonus, BonusBadge, BonusPoints};
use crate::wire;

/// Points of a bonus, and kinds of them.
const BONUS_TYPES_MAX: usize = 5;
const BONUS_POINTS_MAX: i64 = 1_000_000_000;

#[tonic::async_trait]
impl BadgeService for Api {
    async fn publish_badge(
        &self,
        request: Request<pb::PublishBadgeRequest>,
    ) -> Result<Response<pb::PublishBadgeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = publish_badge(request.get_ref())?;
        if request.get_ref().validate_only {
            let badge = pb::Badge { publish_time: None, ..wire::goal::badge(&command.badge) };
            return Ok(Response::new(pb::PublishBadgeResponse { badge: Some(badge), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_badge(&tenant, &command).await }).await
    }

    async fn get_badge(&self, request: Request<pb::GetBadgeRequest>) -> Result<Response<pb::GetBadgeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("badge_id", &request.get_ref().badge_id)?;
        let (badge, rarity) = self.levels.badge(&tenant, &id).await?;
        Ok(Response::new(pb::GetBadgeResponse { badge: Some(wire::goal::badge(&badge)), rarity: Some(rarity) }))
    }

    async fn list_badges(
        &self,
        request: Request<pb::ListBadgesRequest>,
    ) -> Result<Response<pb::ListBadgesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "BadgeService/ListBadges", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_badges(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListBadgesResponse {
            badges: page.rows.iter().map(wire::goal::badge).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn award_badge(
        &self,
        request: Request<pb::AwardBadgeRequest>,
    ) -> Result<Response<pb::AwardBadgeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = award_badge(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.award_badge(&tenant, &command).await }).await
    }

    async fn revoke_badge(
        &self,
        request: Request<pb::RevokeBadgeRequest>,
    ) -> Result<Response<pb::RevokeBadgeResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = revoke_badge(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.revoke_badge(&tenant, &command).await }).await
    }

    async fn list_user_badges(
        &self,
        request: Request<pb::ListUserBadgesRequest>,
    ) -> Result<Response<pb::ListUserBadgesResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let args = [sent.user_id.as_str(), if sent.with_unearned { "all" } else { "held" }];
        let list = List::new(&self.pages, "BadgeService/ListUserBadges", &tenant, &args);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let (asked, place) = ((&user, sent.with_unearned), (after.as_str(), page::size(sent.page_size, 50, 200)));
        let page = self.levels.list_user_badges(&tenant, asked, place, &sent.at_least).await?;
        let next_page_token = list.next(page.next.map(|id| vec![id]));
        Ok(Response::new(pb::ListUserBadgesResponse { badges: page.rows, next_page_token }))
    }
}

fn publish_badge(sent: &pb::PublishBadgeRequest) -> Result<PublishBadge, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "BadgeService/PublishBadge", &sent.request_id, body_of(sent));
    let it = sent.badge.clone().unwrap_or_default();
    let id = parse.key("badge.badge_id", &it.badge_id);
    let display_name = parse.text("badge.display_name", it.display_name.as_ref());
    let description = it.description.as_ref().map(|text| parse.text("badge.description", Some(text)));
    let mut tiers = Vec::with_capacity(it.tiers.len());
    for (n, tier) in it.tiers.iter().enumerate() {
        let display_name = parse.text(&format!("badge.tiers[{n}].display_name"), tier.display_name.as_ref());
        tiers.push(BadgeTier { display_name, icon_url: tier.icon_url.clone() });
    }
    let read = (|| {
        let (version, publish_time, icon_url, hidden) = (0, OffsetDateTime::UNIX_EPOCH, it.icon_url, it.hidden);
        let badge = Badge { id: id?, display_name, description, icon_url, tiers, hidden, version, publish_time };
        Some(PublishBadge { request: request?, badge })
    })();
    parse.done(read)
}

fn award_badge(sent: &pb::AwardBadgeRequest) -> Result<AwardBadge, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "BadgeService/AwardBadge", &sent.request_id, body_of(sent));
    let (user, badge) = (parse.user(&sent.user_id), parse.key("badge_id", &sent.badge_id));
    let (tier, reason) = (tier(&mut parse, "tier", sent.tier), sent.reason.clone());
    let read = (|| Some(AwardBadge { request: request?, user: user?, badge: badge?, tier, reason }))();
    parse.done(read)
}

fn revoke_badge(sent: &pb::RevokeBadgeRequest) -> Result<RevokeBadge, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "BadgeService/RevokeBadge", &sent.request_id, body_of(sent));
    let (user, badge) = (parse.user(&sent.user_id), parse.key("badge_id", &sent.badge_id));
    let reason = sent.reason.clone();
    let read = (|| Some(RevokeBadge { request: request?, user: user?, badge: badge?, reason }))();
    parse.done(read)
}

/// A tier; 0 is the first.
fn tier(parse: &mut Parse, field: &str, sent: i32) -> usize {
    let tier = usize::try_from(sent).unwrap_or(usize::MAX).max(1);
    parse.require(tier <= TIERS_MAX, field, "must lie between 0 and 10");
    tier
}

/// A bonus that stands in a field.
pub(super) fn bonus(parse: &mut Parse, field: &str, sent: Option<&pb::Bonus>) -> Bonus {
    let Some(sent) = sent else { return Bonus::default() };
    let at = |name: &str| format!("{field}.{name}");
    parse.require(sent.points.len() <= BONUS_TYPES_MAX, &at("points"), "must be at most 5");
    let mut points: Vec<BonusPoints> = Vec::with_capacity(sent.points.len());
    for (n, it) in sent.points.iter().enumerate() {
        let Some(point_type) = parse.key(&at(&format!("points[{n}].point_type_id")), &it.point_type_id) else {
            continue;
        };
        let known = points.iter().any(|other| other.point_type == point_type);
        parse.require(!known, &at(&format!("points[{n}].point_type_id")), "stands twice");
        let range = (1..=BONUS_POINTS_MAX).contains(&it.points);
        parse.require(range, &at(&format!("points[{n}].points")), "must lie between 1 and 1000000000");
        points.push(BonusPoints { point_type, points: it.points });
    }
    let badge: Option<Key> = match sent.badge_id.as_str() {
        "" => {
            parse.require(sent.badge_tier == 0, &at("badge_tier"), "must be 0 without a badge");
            None
        }
        id => parse.key(&at("badge_id"), id),
    };
    let tier = tier(parse, &at("badge_tier"), sent.badge_tier);
    Bonus { points, badge: badge.map(|badge| BonusBadge { badge, tier }) }
}
