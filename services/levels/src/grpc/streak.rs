use proto::levels::v1 as pb;
use proto::levels::v1::streak_service_server::StreakService;
use requests::body_of;
use service::{List, Parse, write};
use status::Violations;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::badge::bonus;
use super::{Api, convert};
use crate::commands::{CheckIn, MakeUpCheckIn, PublishStreak};
use crate::domain::streak::{Milestone, Streak, read_date};
use crate::queries::AskedCalendar;
use crate::wire;

#[tonic::async_trait]
impl StreakService for Api {
    async fn publish_streak(
        &self,
        request: Request<pb::PublishStreakRequest>,
    ) -> Result<Response<pb::PublishStreakResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = publish_streak(request.get_ref())?;
        if request.get_ref().validate_only {
            let streak = pb::Streak { publish_time: None, ..wire::goal::streak(&command.streak) };
            return Ok(Response::new(pb::PublishStreakResponse { streak: Some(streak), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_streak(&tenant, &command).await }).await
    }

    async fn get_streak(
        &self,
        request: Request<pb::GetStreakRequest>,
    ) -> Result<Response<pb::GetStreakResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("streak_id", &request.get_ref().streak_id)?;
        let found = self.levels.streak(&tenant, &id).await?;
        Ok(Response::new(pb::GetStreakResponse { streak: Some(wire::goal::streak(&found)) }))
    }

    async fn list_streaks(
        &self,
        request: Request<pb::ListStreaksRequest>,
    ) -> Result<Response<pb::ListStreaksResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "StreakService/ListStreaks", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_streaks(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListStreaksResponse {
            streaks: page.rows.iter().map(wire::goal::streak).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn check_in(&self, request: Request<pb::CheckInRequest>) -> Result<Response<pb::CheckInResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = check_in(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.check_in(&tenant, &command).await }).await
    }

    async fn make_up_check_in(
        &self,
        request: Request<pb::MakeUpCheckInRequest>,
    ) -> Result<Response<pb::MakeUpCheckInResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = make_up(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.make_up_check_in(&tenant, &command).await }).await
    }

    async fn get_calendar(
        &self,
        request: Request<pb::GetCalendarRequest>,
    ) -> Result<Response<pb::GetCalendarResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let asked = calendar(&sent)?;
        Ok(Response::new(self.levels.calendar(&tenant, &asked, &sent.at_least).await?))
    }
}

fn publish_streak(sent: &pb::PublishStreakRequest) -> Result<PublishStreak, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "StreakService/PublishStreak", &sent.request_id, body_of(sent));
    let it = sent.streak.clone().unwrap_or_default();
    let id = parse.key("streak.streak_id", &it.streak_id);
    let display_name = parse.text("streak.display_name", it.display_name.as_ref());
    let description = it.description.as_ref().map(|text| parse.text("streak.description", Some(text)));
    let zone = Zone::new(&it.zone).map_err(|fault| parse.refuse("streak.zone", fault.to_string())).ok();
    parse.require((0..=30).contains(&it.forgiven_days), "streak.forgiven_days", "must lie between 0 and 30");
    parse.require((0..=31).contains(&it.make_ups_per_month), "streak.make_ups_per_month", "must lie between 0 and 31");
    parse.require((0..=31).contains(&it.make_up_days), "streak.make_up_days", "must lie between 0 and 31");
    if (it.make_ups_per_month > 0) != (it.make_up_days > 0) {
        parse.refuse("streak.make_up_days", "must be above 0 where make_ups_per_month is, and only there");
    }
    let milestones = milestones(&mut parse, &it.milestones);
    let valid_from = parse.time("streak.valid_from", it.valid_from.as_ref());
    let valid_until = parse.time("streak.valid_until", it.valid_until.as_ref());
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        parse.refuse("streak.valid_until", "must be after valid_from");
    }
    let read = (|| {
        let streak = Streak {
            id: id?,
            display_name,
            description,
            zone: zone?,
            forgiven_days: it.forgiven_days,
            make_ups_per_month: it.make_ups_per_month,
            make_up_days: it.make_up_days,
            milestones,
            valid_from,
            valid_until,
            paused: it.paused,
            version: 0,
            publish_time: OffsetDateTime::UNIX_EPOCH,
        };
        Some(PublishStreak { request: request?, streak })
    })();
    parse.done(read)
}

fn milestones(parse: &mut Parse, sent: &[pb::Milestone]) -> Vec<Milestone> {
    parse.require(sent.len() <= 20, "streak.milestones", "must be at most 20");
    let mut milestones: Vec<Milestone> = Vec::with_capacity(sent.len());
    for (n, it) in sent.iter().enumerate() {
        let field = |name: &str| format!("streak.milestones[{n}].{name}");
        parse.require((1..=3_650).contains(&it.length), &field("length"), "must lie between 1 and 3650");
        let rises = milestones.last().is_none_or(|before| before.length < it.length);
        parse.require(rises, &field("length"), "must be above the one before");
        let bonus = bonus(parse, &field("bonus"), it.bonus.as_ref());
        // a wrong one is refused already: any does to read on
        milestones.push(Milestone { length: it.length.max(1), repeats: it.repeats, bonus });
    }
    milestones
}

/// The zone of a user's clock; empty: none is named.
fn zone(parse: &mut Parse, sent: &str) -> Option<Zone> {
    let named = Some(sent).filter(|name| !name.is_empty())?;
    Zone::new(named).map_err(|fault| parse.refuse("zone", fault.to_string())).ok()
}

fn check_in(sent: &pb::CheckInRequest) -> Result<CheckIn, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "StreakService/CheckIn", &sent.request_id, body_of(sent));
    let (user, streak) = (parse.user(&sent.user_id), parse.key("streak_id", &sent.streak_id));
    let zone = zone(&mut parse, &sent.zone);
    parse.done((|| Some(CheckIn { request: request?, user: user?, streak: streak?, zone }))())
}

fn make_up(sent: &pb::MakeUpCheckInRequest) -> Result<MakeUpCheckIn, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "StreakService/MakeUpCheckIn", &sent.request_id, body_of(sent));
    let (user, streak) = (parse.user(&sent.user_id), parse.key("streak_id", &sent.streak_id));
    let (zone, day) = (zone(&mut parse, &sent.zone), read_date(&sent.day));
    parse.require(day.is_some(), "day", "must be a date such as 2026-11-27");
    parse.done((|| Some(MakeUpCheckIn { request: request?, user: user?, streak: streak?, day: day?, zone }))())
}

fn calendar(sent: &pb::GetCalendarRequest) -> Result<AskedCalendar, Violations> {
    let mut parse = Parse::default();
    let (user, streak) = (parse.user(&sent.user_id), parse.key("streak_id", &sent.streak_id));
    let zone = zone(&mut parse, &sent.zone);
    let month = Some(sent.month.clone()).filter(|month| !month.is_empty());
    let exists = |month: &String| read_date(&format!("{month}-01")).is_some();
    parse.require(month.as_ref().is_none_or(exists), "month", "must be a month such as 2026-11");
    parse.done((|| Some(AskedCalendar { user: user?, streak: streak?, month, zone }))())
}
