//! A generated year: it goes by under the sandbox's clock, with all that users and the desk do in it.

use std::time::Instant;

use anyhow::{Context as _, bail};
use jiff::ToSpan as _;
use jiff::civil::Date;
use proto::admin::v1::GetTenantRequest;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tonic::Code;

use super::calls::{call, told};
use super::cost::Meter;
use super::day::{self, Passed};
use super::deed::Act;
use super::figures::{Input, Measured, Report};
use super::gather::{self, Scope};
use super::preset::Shop;
use super::year::{self, DAYS, Frame, Plan, Year};
use super::{Done, Run, preset, quiet, tenant};

/// Orders of the user whose story is told: enough for a story, and not too many for a page.
const STORY_ORDERS: std::ops::RangeInclusive<usize> = 3..=7;

/// Lets the year go by, and asks what came of it.
pub(super) async fn replay(run: &Run<'_>) -> anyhow::Result<(Report, Measured)> {
    let (args, lang, calls) = (run.args, run.lang, &run.calls);
    let last_day = last_day(run).await?;
    let begin = Frame::begin(last_day, &run.local).context("the calendar has no such year")?;
    let terms = (args.zone.as_str(), args.currency.as_str());
    let tenant = tenant::find_or_create(calls, run.tenant_id.as_str(), terms, Some(begin)).await?;
    let created = tenant.create_time.as_ref().map(units::time::from_proto).transpose()?;
    if created != Some(begin) {
        bail!("the tenant `{}` exists with another year: name another one with --tenant", run.tenant_id);
    }
    quiet::wait(calls, lang.pick("处理", "applying")).await?; // until every service knows the tenant
    let shop = Shop { zone: &args.zone, currency: &args.currency, users: args.year.users };
    preset::apply(calls, preset::of_shop(&shop)).await?;

    let plan = Plan { users: args.year.users, seed: args.year.seed, last_day, days: args.year.days };
    let year = year::generate(&plan, &run.local).context("the calendar has no such year")?;
    let (meter, begun) = (Meter::start(run.folder).await, Instant::now());
    let whose = (run.tenant_id.as_str(), args.currency.as_str());
    let passed = day::pass(calls, whose, &year, lang.pick("回放", "replaying")).await?;
    let story = choose(&year, &passed);
    let measured = run.measured(passed.replay, begun, meter).await;

    let end = year.stops.last().map(|stop| stop.at).context("the year has no end")?;
    let days = (run.local.date(begin), run.local.date(end - time::Duration::SECOND));
    let (currency, decimals, local) = (args.currency.as_str(), run.decimals, &run.local);
    let scope = Scope { calls, currency, decimals, lang, local, days, end };
    let figures = gather::year(&scope, story.as_deref()).await?;
    let input = Input {
        kind: "generated",
        name: format!("users={} seed={} until={}", plan.users, plan.seed, days.1),
        rows: 0,
        events: measured.replay.events,
        data_end: end.format(&Rfc3339)?,
    };
    let mut refused = passed.refused;
    refused.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    run.report(&scope, Done { input, measured, bad_lines: vec![], refused, year: Some(figures), proposals: None }).await
}

/// The year's last day: as told, or that of the tenant's year, or yesterday.
async fn last_day(run: &Run<'_>) -> anyhow::Result<Date> {
    let yesterday = run.local.date(OffsetDateTime::now_utc()).yesterday()?;
    if let Some(day) = run.args.year.until {
        if day > yesterday {
            bail!("--until {day} lies ahead: the year must have ended");
        }
        return Ok(day);
    }
    let get = GetTenantRequest { tenant_id: run.tenant_id.to_string() };
    let found = match call!(run.calls, tenants, get_tenant, get) {
        Err(status) if status.code() == Code::NotFound => return Ok(yesterday),
        answer => told(answer, "GetTenant")?.tenant.unwrap_or_default(),
    };
    let created = found.create_time.as_ref().context("the tenant has no time of creation")?;
    Ok(run.local.date(units::time::from_proto(created)?).checked_add((i64::from(DAYS) - 1).days())?)
}

/// Whose story is told: of those with some orders over the till the one with most of: a coupon used, points used, goods sent
/// back, something said. The first by id of several.
fn choose(year: &Year, passed: &Passed) -> Option<String> {
    use std::collections::BTreeMap;
    let mut users: BTreeMap<&str, (usize, [bool; 4])> = BTreeMap::new();
    for (_, order) in passed.sold.orders() {
        let (orders, marks) = users.entry(&order.user_id).or_default();
        *orders += 1;
        marks[0] |= order.coupons > 0;
        marks[1] |= order.points > 0;
    }
    for deed in year.deeds.iter().filter(|deed| matches!(deed.act, Act::Returned { .. })) {
        users.entry(&deed.user_id).or_default().1[2] = true;
    }
    for saying in &year.sayings {
        users.entry(&saying.user_id).or_default().1[3] = true;
    }
    let score = |(orders, marks): (usize, [bool; 4])| {
        (STORY_ORDERS.contains(&orders), marks.iter().filter(|mark| **mark).count(), marks[2])
    };
    users
        .into_iter()
        .filter(|(_, (orders, _))| *orders > 0)
        .map(|(user, marks)| (score(marks), std::cmp::Reverse(user)))
        .max()
        .map(|(_, user)| user.0.to_owned())
}
