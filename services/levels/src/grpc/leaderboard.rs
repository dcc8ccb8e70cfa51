use ids::{Key, UserId};
use proto::levels::v1 as pb;
use proto::levels::v1::leaderboard_service_server::LeaderboardService;
use requests::body_of;
use service::{List, Parse, write};
use status::Violations;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::{Api, convert};
use crate::commands::{PublishLeaderboard, SubmitScore};
use crate::domain::leaderboard::{Leaderboard, PlacePrize, ScoreOrder, ScoreRule, Season, SeasonRule};
use crate::queries::PlaceKey;
use crate::wire;

#[tonic::async_trait]
impl LeaderboardService for Api {
    async fn publish_leaderboard(
        &self,
        request: Request<pb::PublishLeaderboardRequest>,
    ) -> Result<Response<pb::PublishLeaderboardResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = publish_leaderboard(request.get_ref())?;
        if request.get_ref().validate_only {
            let leaderboard =
                pb::Leaderboard { publish_time: None, ..wire::leaderboard::leaderboard(&command.leaderboard) };
            let leaderboard = Some(leaderboard);
            return Ok(Response::new(pb::PublishLeaderboardResponse { leaderboard, position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_leaderboard(&tenant, &command).await }).await
    }

    async fn get_leaderboard(
        &self,
        request: Request<pb::GetLeaderboardRequest>,
    ) -> Result<Response<pb::GetLeaderboardResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("leaderboard_id", &request.get_ref().leaderboard_id)?;
        let found = self.levels.leaderboard(&tenant, &id).await?;
        let leaderboard = Some(wire::leaderboard::leaderboard(&found));
        Ok(Response::new(pb::GetLeaderboardResponse { leaderboard }))
    }

    async fn list_leaderboards(
        &self,
        request: Request<pb::ListLeaderboardsRequest>,
    ) -> Result<Response<pb::ListLeaderboardsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "LeaderboardService/ListLeaderboards", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_leaderboards(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListLeaderboardsResponse {
            leaderboards: page.rows.iter().map(wire::leaderboard::leaderboard).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn list_seasons(
        &self,
        request: Request<pb::ListSeasonsRequest>,
    ) -> Result<Response<pb::ListSeasonsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = convert::one_key("leaderboard_id", &sent.leaderboard_id)?;
        let list = List::new(&self.pages, "LeaderboardService/ListSeasons", &tenant, &[&sent.leaderboard_id]);
        let before = list.open_time(&sent.page_token)?;
        let page = self.levels.list_seasons(&tenant, &id, before, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListSeasonsResponse {
            seasons: page.rows.iter().map(wire::leaderboard::season).collect(),
            next_page_token: list.next_time(page.next),
        }))
    }

    async fn submit_score(
        &self,
        request: Request<pb::SubmitScoreRequest>,
    ) -> Result<Response<pb::SubmitScoreResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = submit_score(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.submit_score(&tenant, &command).await }).await
    }

    async fn list_ranks(
        &self,
        request: Request<pb::ListRanksRequest>,
    ) -> Result<Response<pb::ListRanksResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let id = convert::one_key("leaderboard_id", &sent.leaderboard_id)?;
        let args = [sent.leaderboard_id.as_str(), sent.season_id.as_str()];
        let list = List::new(&self.pages, "LeaderboardService/ListRanks", &tenant, &args);
        let after = place(&list, &sent.page_token)?;
        let size = page::size(sent.page_size, 50, 200);
        let ranks = self.levels.list_ranks(&tenant, (&id, &sent.season_id), after, size).await?;
        let next = ranks.next.map(|(rank_key, at, user)| {
            vec![rank_key.to_string(), (at.unix_timestamp_nanos() / 1_000).to_string(), user]
        });
        let (season, users) = (Some(ranks.season), ranks.users);
        Ok(Response::new(pb::ListRanksResponse { season, users, next_page_token: list.next(next) }))
    }

    async fn list_neighbours(
        &self,
        request: Request<pb::ListNeighboursRequest>,
    ) -> Result<Response<pb::ListNeighboursResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, id) = convert::user_and_key(&sent.user_id, "leaderboard_id", &sent.leaderboard_id)?;
        let count = if sent.count == 0 { 5 } else { i64::from(sent.count) };
        let ranks = self.levels.list_neighbours(&tenant, (&id, &sent.season_id), &user, count).await?;
        Ok(Response::new(pb::ListNeighboursResponse { season: Some(ranks.season), users: ranks.users }))
    }

    async fn list_ranks_of(
        &self,
        request: Request<pb::ListRanksOfRequest>,
    ) -> Result<Response<pb::ListRanksOfResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (id, users) = leaderboard_and_users(&sent.leaderboard_id, &sent.user_ids)?;
        let ranks = self.levels.list_ranks_of(&tenant, (&id, &sent.season_id), &users).await?;
        Ok(Response::new(pb::ListRanksOfResponse { season: Some(ranks.season), users: ranks.users }))
    }

    async fn get_rank(&self, request: Request<pb::GetRankRequest>) -> Result<Response<pb::GetRankResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, id) = convert::user_and_key(&sent.user_id, "leaderboard_id", &sent.leaderboard_id)?;
        Ok(Response::new(self.levels.rank(&tenant, (&id, &sent.season_id), &user).await?))
    }
}

/// The place in a page token.
fn place(list: &List<'_>, token: &str) -> Result<Option<PlaceKey>, Status> {
    let Some([rank_key, micros, user]) = list.open(token)? else { return Ok(None) };
    let at = micros.parse::<i128>().ok().and_then(|micros| micros.checked_mul(1_000));
    let at = at.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
    // tokens are sealed: what opens is what was put in
    Ok(rank_key.parse().ok().zip(at).map(|(rank_key, at)| (rank_key, at, user)))
}

fn publish_leaderboard(sent: &pb::PublishLeaderboardRequest) -> Result<PublishLeaderboard, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "LeaderboardService/PublishLeaderboard", &sent.request_id, body_of(sent));
    let it = sent.leaderboard.clone().unwrap_or_default();
    let id = parse.key("leaderboard.leaderboard_id", &it.leaderboard_id);
    let display_name = parse.text("leaderboard.display_name", it.display_name.as_ref());
    let code = |code: i32| i16::try_from(code).ok();
    let score_rule = code(it.score_rule).and_then(ScoreRule::from_code);
    parse.require(score_rule.is_some(), "leaderboard.score_rule", "must be one of the rules");
    let score_order = code(it.score_order).and_then(ScoreOrder::from_code);
    parse.require(score_order.is_some(), "leaderboard.score_order", "must be one of the orders");
    let season_rule = code(it.season_rule).and_then(SeasonRule::from_code);
    parse.require(season_rule.is_some(), "leaderboard.season_rule", "must be one of the rules");
    let by_dates = season_rule == Some(SeasonRule::Dates);
    parse.require(
        by_dates != it.seasons.is_empty(),
        "leaderboard.seasons",
        "are needed for DATES, and for nothing else",
    );
    let seasons = seasons(&mut parse, &it.seasons);
    let zone = Zone::new(&it.zone).map_err(|fault| parse.refuse("leaderboard.zone", fault.to_string())).ok();
    let endless = season_rule == Some(SeasonRule::None);
    parse.require(!endless || it.prizes.is_empty(), "leaderboard.prizes", "must be empty: a season of NONE never ends");
    let prizes = prizes(&mut parse, &it.prizes);
    let listed_places = Some(i64::from(it.listed_places)).filter(|places| *places > 0);
    let read = (|| {
        let (version, publish_time) = (0, OffsetDateTime::UNIX_EPOCH);
        let (id, score_rule, score_order) = (id?, score_rule?, score_order?);
        let (season_rule, zone, masked) = (season_rule?, zone?, it.masked);
        let leaderboard = Leaderboard {
            id,
            display_name,
            score_rule,
            score_order,
            season_rule,
            seasons,
            zone,
            prizes,
            listed_places,
            masked,
            version,
            publish_time,
        };
        Some(PublishLeaderboard { request: request?, leaderboard })
    })();
    parse.done(read)
}

fn seasons(parse: &mut Parse, sent: &[pb::SeasonDates]) -> Vec<Season> {
    let mut seasons: Vec<Season> = Vec::with_capacity(sent.len());
    for (n, it) in sent.iter().enumerate() {
        let field = |name: &str| format!("leaderboard.seasons[{n}].{name}");
        let id = parse.key(&field("season_id"), &it.season_id).map(|id| id.to_string()).unwrap_or_default();
        parse.require(seasons.iter().all(|other| other.id != id), &field("season_id"), "is that of a season before");
        let start = parse.time(&field("start_time"), it.start_time.as_ref()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let end = parse.time(&field("end_time"), it.end_time.as_ref());
        parse.require(end.is_some_and(|end| end > start), &field("end_time"), "must be after start_time");
        let before = seasons.last().and_then(|before| before.end);
        parse.require(before.is_none_or(|end| end <= start), &field("start_time"), "must not lie in the season before");
        seasons.push(Season { id, start, end, closed: false });
    }
    seasons
}

fn prizes(parse: &mut Parse, sent: &[pb::PlacePrize]) -> Vec<PlacePrize> {
    let mut prizes: Vec<PlacePrize> = Vec::with_capacity(sent.len());
    for (n, it) in sent.iter().enumerate() {
        let field = |name: &str| format!("leaderboard.prizes[{n}].{name}");
        let (first_place, last_place) = (i64::from(it.first_place), i64::from(it.last_place));
        let above = prizes.last().map_or(0, |above: &PlacePrize| above.last_place);
        parse.require(first_place > above, &field("first_place"), "must be below the range before");
        parse.require(last_place >= first_place, &field("last_place"), "must not be below first_place");
        let Some(point_type) = parse.key(&field("point_type_id"), &it.point_type_id) else { continue };
        prizes.push(PlacePrize { first_place, last_place, point_type, points: it.points });
    }
    prizes
}

fn submit_score(sent: &pb::SubmitScoreRequest) -> Result<SubmitScore, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "LeaderboardService/SubmitScore", &sent.request_id, body_of(sent));
    let (user, leaderboard) = (parse.user(&sent.user_id), parse.key("leaderboard_id", &sent.leaderboard_id));
    let occurred_at = parse.time("occurred_at", sent.occurred_at.as_ref());
    parse.require(
        occurred_at.is_none_or(|at| at >= OffsetDateTime::UNIX_EPOCH),
        "occurred_at",
        "must not lie before 1970",
    );
    let (score, display) = (sent.score, sent.display.clone());
    let read = (|| {
        let (request, user, leaderboard) = (request?, user?, leaderboard?);
        Some(SubmitScore { request, user, leaderboard, score, occurred_at, display })
    })();
    parse.done(read)
}

fn leaderboard_and_users(id: &str, users: &[String]) -> Result<(Key, Vec<UserId>), Violations> {
    let mut parse = Parse::default();
    let id = parse.key("leaderboard_id", id);
    let user = |(n, user): (usize, &String)| parse.user_in(&format!("user_ids[{n}]"), user);
    let users: Option<Vec<_>> = users.iter().enumerate().map(user).collect();
    parse.done(id.zip(users))
}
