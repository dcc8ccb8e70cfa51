use ids::{Key, TenantId, UserId};
use proto::levels::v1 as pb;
use proto::levels::v1::points_report_service_server::PointsReportService;
use service::{List, Parse};
use status::Violations;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use units::time::to_proto;
use units::zone::Day;

use super::Api;
use crate::domain::finance::{Line, Month, MonthFigures, Moved};
use crate::queries::{DaySum, Days, ExpiringPlace, LinePlace};

/// Users of a page of the feed.
const USERS_SIZE: (i64, i64) = (50, 1_000);
/// Accounts that one page of a summary looks at.
const ACCOUNTS_SIZE: (i64, i64) = (1_000, 10_000);
/// Lines of a page of the finance statement.
const LINES_SIZE: (i64, i64) = (200, 1_000);
/// Days that are looked at together.
const DAYS_MAX: i32 = 92;
/// Months that are looked at together.
const MONTHS_MAX: i32 = 36;

#[tonic::async_trait]
impl PointsReportService for Api {
    async fn list_expiring(
        &self,
        request: Request<pb::ListExpiringRequest>,
    ) -> Result<Response<pb::ListExpiringResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (point_type, days) = days(&sent.point_type_id, sent.within_days, &sent.from_day)?;
        let args = args(&sent.point_type_id, sent.within_days, &sent.from_day);
        let list = self.expiring_list("PointsReportService/ListExpiring", &tenant, &args);
        let after = place(&list, &sent.page_token)?;
        let size = page::size(sent.page_size, USERS_SIZE.0, USERS_SIZE.1);
        let page = self.levels.list_expiring(&tenant, &point_type, days, after, size, &sent.at_least).await?;
        let account = |(user, dates): (UserId, Vec<(OffsetDateTime, i64)>)| {
            let expiring = dates.into_iter();
            let expiring = expiring.map(|(at, amount)| pb::ExpiringPoints { expires_at: Some(to_proto(at)), amount });
            pb::ExpiringAccount { user_id: user.to_string(), expiring: expiring.collect() }
        };
        Ok(Response::new(pb::ListExpiringResponse {
            accounts: page.rows.into_iter().map(account).collect(),
            next_page_token: next(&list, page.next),
        }))
    }

    async fn summarize_expiring(
        &self,
        request: Request<pb::SummarizeExpiringRequest>,
    ) -> Result<Response<pb::SummarizeExpiringResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (point_type, days) = days(&sent.point_type_id, sent.within_days, &sent.from_day)?;
        let args = args(&sent.point_type_id, sent.within_days, &sent.from_day);
        let list = self.expiring_list("PointsReportService/SummarizeExpiring", &tenant, &args);
        let after = place(&list, &sent.page_token)?;
        let size = page::size(sent.page_size, ACCOUNTS_SIZE.0, ACCOUNTS_SIZE.1);
        let (sums, end) =
            self.levels.summarize_expiring(&tenant, &point_type, days, after, size, &sent.at_least).await?;
        let day = |(day, sum): (String, DaySum)| pb::ExpiringDay { day, amount: sum.points, users: sum.users };
        Ok(Response::new(pb::SummarizeExpiringResponse {
            days: sums.into_iter().map(day).collect(),
            next_page_token: next(&list, end),
        }))
    }

    async fn get_finance_statement(
        &self,
        request: Request<pb::GetFinanceStatementRequest>,
    ) -> Result<Response<pb::GetFinanceStatementResponse>, Status> {
        let tenant = authn::tenant(&request)?;
        let sent = request.into_inner();
        let (point_type, months) = finance(&sent)?;
        let args = [sent.point_type_id.as_str(), sent.from_month.as_str(), sent.until_month.as_str()];
        let list = List::new(&self.pages, "PointsReportService/GetFinanceStatement", &tenant, &args);
        let after = list.open(&sent.page_token)?;
        let after = after.map(|[month, centre, funder]| (month, centre, funder.parse().unwrap_or_default()));
        let size = page::size(sent.page_size, LINES_SIZE.0, LINES_SIZE.1);
        let (months, page) =
            self.levels.finance_statement(&tenant, &point_type, months, after, size, &sent.at_least).await?;
        let token = |(month, centre, funder): LinePlace| vec![month, centre, funder.to_string()];
        Ok(Response::new(pb::GetFinanceStatementResponse {
            months: months.iter().map(month).collect(),
            lines: page.rows.into_iter().map(line).collect(),
            next_page_token: list.next(page.next.map(token)),
        }))
    }
}

impl Api {
    fn expiring_list(&self, name: &'static str, tenant: &TenantId, args: &[String; 3]) -> List<'_> {
        List::new(&self.pages, name, tenant, &args.each_ref().map(String::as_str))
    }
}

fn args(point_type: &str, within_days: i32, from_day: &str) -> [String; 3] {
    [point_type.to_owned(), within_days.to_string(), from_day.to_owned()]
}

fn days(point_type: &str, within_days: i32, from_day: &str) -> Result<(Key, Days), Violations> {
    let mut parse = Parse::default();
    let key = parse.key("point_type_id", point_type);
    let count = u32::try_from(within_days).ok().filter(|_| (1..=DAYS_MAX).contains(&within_days));
    if count.is_none() {
        parse.refuse("within_days", format!("must lie between 1 and {DAYS_MAX}"));
    }
    let first = Day::parse(from_day);
    if first.is_none() && !from_day.is_empty() {
        parse.refuse("from_day", "must be a day such as 2026-03-31");
    }
    let read = (|| Some((key?, Days { first, count: count? })))();
    parse.done(read)
}

fn finance(sent: &pb::GetFinanceStatementRequest) -> Result<(Key, (Month, Month)), Violations> {
    let mut parse = Parse::default();
    let key = parse.key("point_type_id", &sent.point_type_id);
    let (from, until) = (Month::parse(&sent.from_month), Month::parse(&sent.until_month));
    for (field, month) in [("from_month", from), ("until_month", until)] {
        if month.is_none() {
            parse.refuse(field, "must be a month such as 2026-03");
        }
    }
    if from.zip(until).is_some_and(|(from, until)| until < from || until >= from.plus(MONTHS_MAX)) {
        parse.refuse("until_month", format!("must be `from_month` or at most {} months later", MONTHS_MAX - 1));
    }
    let read = (|| Some((key?, (from?, until?))))();
    parse.done(read)
}

/// Where the page before ended. Its token holds the first day too: days stay those of the first page.
fn place(list: &List<'_>, token: &str) -> Result<Option<ExpiringPlace>, Status> {
    let Some([first, due, user]) = list.open(token)? else { return Ok(None) };
    let nanos = due.parse::<i128>().ok().map(|micros| micros * 1_000);
    let due = nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
    let (first, user) = (Day::parse(&first), UserId::new(user).ok());
    Ok(first.zip(user).map(|(first, user)| ExpiringPlace { first, due, user }))
}

fn next(list: &List<'_>, place: Option<ExpiringPlace>) -> String {
    let due = |at: OffsetDateTime| (at.unix_timestamp_nanos() / 1_000).to_string();
    list.next(place.map(|it| vec![it.first.to_string(), it.due.map(due).unwrap_or_default(), it.user.to_string()]))
}

fn moved(it: &Moved) -> pb::PointsMoved {
    pb::PointsMoved {
        issued: it.issued,
        activated: it.activated,
        redeemed: it.redeemed,
        expired: it.expired,
        reversed: it.reversed,
        returned: it.returned,
        adjusted: it.adjusted,
        added: it.added,
        taken: it.taken,
        opened: it.opened,
    }
}

fn month(it: &MonthFigures) -> pb::FinanceMonth {
    pb::FinanceMonth {
        month: it.month.to_string(),
        opening_liability: it.opening,
        moved: Some(moved(&it.moved)),
        closing_liability: it.closing,
        closing_pending: it.pending,
        breakage_basis_points: it.breakage,
    }
}

fn line(it: Line) -> pb::FinanceLine {
    let moved = Some(moved(&it.moved));
    pb::FinanceLine { month: it.month, cost_centre: it.cost_centre, funder: it.funder, moved }
}
