use proto::levels::v1 as pb;
use proto::levels::v1::quest_service_server::QuestService;
use requests::body_of;
use rules::Written;
use service::{List, Parse, write};
use status::Violations;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use units::zone::Zone;

use super::badge::bonus;
use super::{Api, convert, earning_convert};
use crate::commands::{PublishQuest, StartQuest};
use crate::domain::earning::COUNTING_EVENTS;
use crate::domain::entry::Payer;
use crate::domain::quest::{Quest, QuestPeriod, QuestReversal, QuestStart, Recurrence, STEPS_MAX, Step, TARGET_MAX};
use crate::queries::Wanted;
use crate::wire;

#[tonic::async_trait]
impl QuestService for Api {
    async fn publish_quest(
        &self,
        request: Request<pb::PublishQuestRequest>,
    ) -> Result<Response<pb::PublishQuestResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = publish_quest(request.get_ref())?;
        if request.get_ref().validate_only {
            let quest = pb::Quest { publish_time: None, create_time: None, ..wire::goal::quest(&command.quest) };
            return Ok(Response::new(pb::PublishQuestResponse { quest: Some(quest), position: None }));
        }
        let levels = self.levels.clone();
        write(async move { levels.publish_quest(&tenant, &command).await }).await
    }

    async fn get_quest(&self, request: Request<pb::GetQuestRequest>) -> Result<Response<pb::GetQuestResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let id = convert::one_key("quest_id", &request.get_ref().quest_id)?;
        let found = self.levels.quest(&tenant, &id).await?;
        Ok(Response::new(pb::GetQuestResponse { quest: Some(wire::goal::quest(&found)) }))
    }

    async fn list_quests(
        &self,
        request: Request<pb::ListQuestsRequest>,
    ) -> Result<Response<pb::ListQuestsResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let list = List::new(&self.pages, "QuestService/ListQuests", &tenant, &[]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let page = self.levels.list_quests(&tenant, &after, page::size(sent.page_size, 50, 200)).await?;
        Ok(Response::new(pb::ListQuestsResponse {
            quests: page.rows.iter().map(wire::goal::quest).collect(),
            next_page_token: list.next(page.next.map(|id| vec![id])),
        }))
    }

    async fn start_quest(
        &self,
        request: Request<pb::StartQuestRequest>,
    ) -> Result<Response<pb::StartQuestResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let command = start_quest(request.get_ref())?;
        let levels = self.levels.clone();
        write(async move { levels.start_quest(&tenant, &command).await }).await
    }

    async fn list_quest_progress(
        &self,
        request: Request<pb::ListQuestProgressRequest>,
    ) -> Result<Response<pb::ListQuestProgressResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let user = convert::one_user(&sent.user_id)?;
        let (wanted, name) = match sent.filter() {
            pb::QuestFilter::Unspecified => (Wanted::All, "all"),
            pb::QuestFilter::Open => (Wanted::Open, "open"),
            pb::QuestFilter::Today => (Wanted::Today, "today"),
        };
        let list = List::new(&self.pages, "QuestService/ListQuestProgress", &tenant, &[&sent.user_id, name]);
        let [after] = list.open(&sent.page_token)?.unwrap_or_default();
        let place = (after.as_str(), page::size(sent.page_size, 50, 200));
        let page = self.levels.list_quest_progress(&tenant, (&user, wanted), place, &sent.at_least).await?;
        let next_page_token = list.next(page.next.map(|id| vec![id]));
        Ok(Response::new(pb::ListQuestProgressResponse { quests: page.rows, next_page_token }))
    }

    async fn get_quest_progress(
        &self,
        request: Request<pb::GetQuestProgressRequest>,
    ) -> Result<Response<pb::GetQuestProgressResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (user, quest) = convert::user_and_key(&sent.user_id, "quest_id", &sent.quest_id)?;
        let progress = self.levels.quest_progress(&tenant, (&user, &quest), &sent.at_least).await?;
        Ok(Response::new(pb::GetQuestProgressResponse { progress: Some(progress) }))
    }
}

fn publish_quest(sent: &pb::PublishQuestRequest) -> Result<PublishQuest, Violations> {
    let mut parse = Parse::default();
    let request = parse.request("", "QuestService/PublishQuest", &sent.request_id, body_of(sent));
    let quest = quest(&mut parse, sent.quest.clone().unwrap_or_default());
    parse.done((|| Some(PublishQuest { request: request?, quest: quest? }))())
}

fn quest(parse: &mut Parse, it: pb::Quest) -> Option<Quest> {
    let id = parse.key("quest.quest_id", &it.quest_id);
    let display_name = parse.text("quest.display_name", it.display_name.as_ref());
    let description = it.description.as_ref().map(|text| parse.text("quest.description", Some(text)));
    let steps = steps(parse, it.steps);
    let period = period(parse, it.period, it.period_days);
    let zone = Zone::new(&it.zone).map_err(|fault| parse.refuse("quest.zone", fault.to_string())).ok();
    let recurrence = recurrence(parse, it.recurrence, it.rounds_max);
    if (recurrence, period) == (Some(Recurrence::PeriodEnd), Some(QuestPeriod::Ever)) {
        parse.refuse("quest.recurrence", "must not be PERIOD_END for a period without an end");
    }
    let start = i16::try_from(it.start).ok().and_then(QuestStart::from_code);
    parse.require(start.is_some(), "quest.start", "must be one of the starts");
    let valid_from = parse.time("quest.valid_from", it.valid_from.as_ref());
    let valid_until = parse.time("quest.valid_until", it.valid_until.as_ref());
    if valid_from.zip(valid_until).is_some_and(|(from, until)| from >= until) {
        parse.refuse("quest.valid_until", "must be after valid_from");
    }
    if start == Some(QuestStart::Scheduled) && (valid_from.is_none() || valid_until.is_none()) {
        parse.refuse("quest.valid_from", "must be set, as valid_until, where it is SCHEDULED");
    }
    let scheme = Some(&it.scheme_id).filter(|id| !id.is_empty());
    let scheme = scheme.and_then(|id| parse.key("quest.scheme_id", id));
    let rank = |rank: i32| usize::try_from(rank).unwrap_or(0);
    let (first_rank, last_rank) = (rank(it.first_rank), it.last_rank.map(rank));
    if it.scheme_id.is_empty() && (first_rank > 0 || last_rank.is_some()) {
        parse.refuse("quest.first_rank", "must be 0, and last_rank absent, where there is no scheme");
    }
    parse.require(last_rank.is_none_or(|last| last >= first_rank), "quest.last_rank", "must not be below first_rank");
    let bonus = bonus(parse, "quest.bonus", it.bonus.as_ref());
    let reversal = i16::try_from(it.reversal).ok().and_then(QuestReversal::from_code);
    parse.require(reversal.is_some(), "quest.reversal", "must be one of the policies");
    Some(Quest {
        id: id?,
        display_name,
        description,
        steps,
        in_order: it.in_order,
        period: period?,
        zone: zone?,
        recurrence: recurrence?,
        start: start?,
        valid_from,
        valid_until,
        scheme,
        first_rank,
        last_rank,
        bonus,
        reversal: reversal?,
        payer: Payer { cost_centre: it.cost_centre, funder: it.funder },
        paused: it.paused,
        version: 0,
        create_time: OffsetDateTime::UNIX_EPOCH,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    })
}

fn steps(parse: &mut Parse, sent: Vec<pb::QuestStep>) -> Vec<Step> {
    parse.require((1..=STEPS_MAX).contains(&sent.len()), "quest.steps", "must be 1 to 10");
    let mut steps = Vec::with_capacity(sent.len());
    for (n, it) in sent.into_iter().enumerate() {
        let at = |name: &str| format!("quest.steps[{n}].{name}");
        let display_name = parse.text(&at("display_name"), it.display_name.as_ref());
        if !COUNTING_EVENTS.contains(&it.event_type.as_str()) {
            parse.refuse(at("event_type"), format!("must be one of {}", COUNTING_EVENTS.join(", ")));
        }
        let range = (1..=TARGET_MAX).contains(&it.target);
        parse.require(range, &at("target"), "must lie between 1 and 1000000000000");
        let rule = (condition(it.condition), it.formula);
        match Step::new(display_name, it.event_type, rule, it.target) {
            Ok(step) => steps.push(step),
            Err(faults) => faults.into_iter().for_each(|fault| parse.refuse(at(&fault.field), fault.cause)),
        }
    }
    steps
}

fn condition(sent: Option<pb::quest_step::Condition>) -> Written {
    use pb::quest_step::Condition;
    match sent {
        None => Written::Always,
        Some(Condition::Expression(text)) => Written::Expression(text),
        Some(Condition::Form(form)) => Written::Form(earning_convert::rows(form)),
    }
}

fn period(parse: &mut Parse, code: i32, days: i32) -> Option<QuestPeriod> {
    let period = i16::try_from(code).ok().and_then(|code| QuestPeriod::from_code(code, days));
    if period.is_none() {
        parse.refuse("quest.period_days", "must be 1 to 366 for DAYS, and 0 for other periods");
    }
    period
}

fn recurrence(parse: &mut Parse, code: i32, rounds_max: i32) -> Option<Recurrence> {
    let recurrence = i16::try_from(code).ok().and_then(|code| Recurrence::from_code(code, rounds_max));
    let fits = match recurrence {
        Some(Recurrence::Completion(rounds)) => (1..=100).contains(&rounds),
        _ => rounds_max == 0,
    };
    parse.require(fits, "quest.rounds_max", "must be 1 to 100 for COMPLETION, and 0 for others");
    parse.require(recurrence.is_some(), "quest.recurrence", "must be one of the recurrences");
    recurrence
}

fn start_quest(sent: &pb::StartQuestRequest) -> Result<StartQuest, Violations> {
    let mut parse = Parse::default();
    let request = parse.request(&sent.user_id, "QuestService/StartQuest", &sent.request_id, body_of(sent));
    let (user, quest) = (parse.user(&sent.user_id), parse.key("quest_id", &sent.quest_id));
    parse.done((|| Some(StartQuest { request: request?, user: user?, quest: quest? }))())
}
