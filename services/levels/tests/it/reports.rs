//! Points over all users: what lapses soon, and the finance statement.

use std::collections::BTreeMap;

use levels::commands::HoldPoints;
use levels::domain::earning::EarningRule;
use levels::domain::entry::Payer;
use levels::domain::expiry::{Expiry, Stretch};
use levels::domain::finance::{Line, Month, MonthFigures, Moved};
use levels::domain::point_type::{Activation, PointType, ReversalPolicy, TransferLimits};
use levels::queries::Days;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use proto::incentives::v1 as incentives;
use proto::levels::v1 as pb;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::zone::Day;

use crate::api;
use crate::as_of::{START, any_op, shop};
use crate::consumer::server;
use crate::holds::hold;
use crate::rewards::{granted, revoked};
use crate::stage::{Events, Stage, earn, key, point_type, rule};

/// Users with what lapses.
type Feed = BTreeMap<String, Vec<(OffsetDateTime, i64)>>;

fn days(first: &str, count: u32) -> Days {
    Days { first: Day::parse(first), count }
}

impl Stage {
    /// The whole feed, in pages of a size.
    async fn feed(&self, days: Days, size: i64) -> Vec<(String, Vec<(OffsetDateTime, i64)>)> {
        let (mut feed, mut after) = (Vec::new(), None);
        loop {
            let page = self.levels.list_expiring(&self.tenant, &key("points"), days, after, size, &[]).await.unwrap();
            feed.extend(page.rows.into_iter().map(|(user, dates)| (user.to_string(), dates)));
            after = page.next;
            if after.is_none() {
                return feed;
            }
        }
    }

    /// The whole summary, in pages of a size: points and users by day.
    async fn summary(&self, days: Days, size: i64) -> BTreeMap<String, (i64, i64)> {
        let (mut sums, mut after) = (BTreeMap::<String, (i64, i64)>::new(), None);
        loop {
            let (page, next) =
                self.levels.summarize_expiring(&self.tenant, &key("points"), days, after, size, &[]).await.unwrap();
            for (day, sum) in page {
                let of_day = sums.entry(day).or_default();
                *of_day = (of_day.0 + sum.points, of_day.1 + sum.users);
            }
            after = next;
            if after.is_none() {
                return sums;
            }
        }
    }

    async fn earn_on(&self, who: &str, amount: i64, days: i64) {
        let at = START + Duration::days(days);
        let id = format!("{who}/{amount}/{days}");
        self.levels.post(&self.tenant, &[earn(who, "points", amount, &id, Some(at))]).await.unwrap().remove(0).unwrap();
    }

    async fn hold_for(&self, who: &str, amount: i64, ttl: Duration) {
        let call = HoldPoints { ttl, ..hold(who, amount, "h") };
        self.levels.post(&self.tenant, &[call]).await.unwrap().remove(0).unwrap();
    }

    async fn finance(&self, from: &str, until: &str, size: i64) -> (Vec<MonthFigures>, Vec<Line>) {
        let range = (Month::parse(from).unwrap(), Month::parse(until).unwrap());
        let (mut lines, mut after) = (Vec::new(), None);
        loop {
            let of = (&self.tenant, &key("points"));
            let (months, page) = self.levels.finance_statement(of.0, of.1, range, after, size, &[]).await.unwrap();
            lines.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return (months, lines);
            }
        }
    }
}

/// D2: the notice of what expires within K days and in exactly K days, with totals by day; the expiry date is the last
/// usable day.
/// Points that lapse, and may be overdrawn, adjusted and moved.
fn everything() -> PointType {
    PointType {
        expiry: Expiry::Days(20, None),
        overdraft: 30,
        adjustment_limit: 1_000,
        transfers: Some(TransferLimits { max_amount: 1_000, max_per_day: 10_000 }),
        ..point_type("points")
    }
}

#[tokio::test]
async fn the_feed_shows_each_user_once_with_all_that_lapses_on_the_days_booked_or_not() {
    let stage = shop(PointType { expiry: Expiry::Days(10, None), ..point_type("points") }).await;
    // lots lapse at the end of the tenth day after: earned on 1 March, 11 March is the last usable day
    stage.at(START).await;
    stage.earn_on("lapsed-and-more", 1, 0).await;
    stage.at(START + Duration::days(5)).await;
    for (who, amount) in [("one", 2), ("several", 3), ("held", 4), ("timed-out", 5), ("partly", 11), ("spent", 6)] {
        stage.earn_on(who, amount, 5).await;
    }
    stage.at(START + Duration::days(8)).await;
    for (who, amount) in [("several", 7), ("later", 8), ("lapsed-and-more", 9)] {
        stage.earn_on(who, amount, 8).await;
    }
    stage.hold_for("held", 4, Duration::days(20)).await;
    stage.hold_for("timed-out", 5, Duration::hours(1)).await;
    stage.hold_for("partly", 10, Duration::hours(1)).await;
    let mut spend = crate::stage::spend("spent", 6, "s");
    spend.user = crate::stage::user("spent");
    stage.levels.post(&stage.tenant, &[spend]).await.unwrap().remove(0).unwrap();
    stage.at(START + Duration::days(12)).await; // 13 March

    let (early, late) = (datetime!(2026-03-17 0:00 +8), datetime!(2026-03-20 0:00 +8));
    let all: Feed = [
        ("lapsed-and-more".to_owned(), vec![(late, 9)]),
        ("one".to_owned(), vec![(early, 2)]),
        ("several".to_owned(), vec![(early, 3), (late, 7)]),
        ("timed-out".to_owned(), vec![(early, 5)]),
        ("partly".to_owned(), vec![(early, 11)]),
        ("later".to_owned(), vec![(late, 8)]),
    ]
    .into();
    let only = |date: OffsetDateTime| -> Feed {
        let kept = |dates: &Vec<(OffsetDateTime, i64)>| dates.iter().copied().filter(|(it, _)| *it == date).collect();
        let kept = all.iter().map(|(user, dates)| (user.clone(), kept(dates)));
        kept.filter(|(_, dates): &(String, Vec<_>)| !dates.is_empty()).collect()
    };
    let cases = [
        ("within seven days", days("", 7), all.clone()),
        ("the last usable day is the first", days("2026-03-16", 1), only(early)),
        ("the last usable day is the last", days("2026-03-14", 3), only(early)),
        ("the day before", days("2026-03-15", 1), Feed::new()),
        ("the day after", days("2026-03-17", 1), Feed::new()),
        ("in exactly six days", days("2026-03-19", 1), only(late)),
        ("too few days", days("", 3), Feed::new()),
        ("long over", days("2026-03-01", 11), Feed::new()),
    ];
    for booked in [false, true] {
        for (name, days, want) in &cases {
            for size in [1, 2, 50] {
                let feed = stage.feed(*days, size).await;
                assert_eq!(feed.len(), want.len(), "{name}, each user once: {feed:?}");
                assert_eq!(feed.into_iter().collect::<Feed>(), *want, "{name}, pages of {size}, {booked}");
                let mut sums = BTreeMap::<String, (i64, i64)>::new();
                for (date, points) in want.values().flatten() {
                    let day = if *date == early { "2026-03-16" } else { "2026-03-19" };
                    let sum = sums.entry(day.to_owned()).or_default();
                    *sum = (sum.0 + points, sum.1 + 1);
                }
                assert_eq!(stage.summary(*days, size).await, sums, "{name}");
            }
        }
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
    }
    let ordered = stage.feed(days("", 7), 50).await;
    let ordered: Vec<&str> = ordered.iter().map(|(user, _)| user.as_str()).collect();
    assert_eq!(ordered, ["one", "partly", "several", "timed-out", "lapsed-and-more", "later"], "by date, then user");
    stage.audit().await;
}

#[tokio::test]
async fn what_became_usable_unseen_lapses_in_the_feed_and_pending_points_do_not() {
    let points = PointType { activation: Activation::Days(2), expiry: Expiry::Days(3, None), ..point_type("points") };
    let stage = shop(points).await;
    stage.earn_on("usable", 5, 0).await; // from 4 March, to 7 March
    stage.at(START + Duration::days(3)).await;
    stage.earn_on("pending", 6, 3).await;
    let lapse = datetime!(2026-03-08 0:00 +8);
    assert_eq!(stage.feed(days("", 20), 50).await, [("usable".to_owned(), vec![(lapse, 5)])]);
}

/// What the entries themselves say, as the lines of a statement should: by month of effect, cost centre, funder and contra.
async fn booked(stage: &Stage) -> BTreeMap<(String, String, i32, String), i64> {
    let mut admin = stage.db.admin(levels::NAME).await;
    let rows: Vec<(String, String, i32, String, i64)> = sqlx::query_as(
        "select to_char(entry_effective_at(kind, order_id, hold_id, occurred_at, recorded_at)
                at time zone 'Asia/Shanghai', 'YYYY-MM'), cost_centre, funder,
            case when kind = 8 then 'activated' else contra end, sum(case when kind = 8 then -pending else abs(amount) end)::bigint
         from entry where point_type_id = 'points' and kind not in (10, 11) group by 1, 2, 3, 4",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    rows.into_iter().filter(|row| row.4 != 0).map(|(a, b, c, d, sum)| ((a, b, c, d), sum)).collect()
}

fn told(lines: &[Line]) -> BTreeMap<(String, String, i32, String), i64> {
    let of = |line: &Line| {
        let moved = line.moved;
        let figures = [
            ("issued", moved.issued),
            ("activated", moved.activated),
            ("redeemed", moved.redeemed),
            ("expired", moved.expired),
            ("reversed", moved.reversed),
            ("returned", moved.returned),
            ("adjusted", moved.adjusted),
            ("added", moved.added),
            ("taken", moved.taken),
        ];
        let place = (line.month.clone(), line.cost_centre.clone(), line.funder);
        figures.map(|(name, sum)| ((place.0.clone(), place.1.clone(), place.2, name.to_owned()), sum))
    };
    lines.iter().flat_map(of).filter(|(_, sum)| *sum != 0).collect()
}

/// The statement is what the entries add up to, booked or not, and a month that is over stays as it is.
#[tokio::test]
async fn the_finance_statement_adds_up_to_the_entries_and_its_past_months_stay() {
    let policies = [ReversalPolicy::MayGoNegative, ReversalPolicy::DownToZero];
    let activations = [Activation::AtOnce, Activation::Days(7), Activation::OrderCompleted];
    let mut runner = TestRunner::deterministic();
    let steps = prop::collection::vec((any_op(), 1i64..150), 40);
    for n in 0..6 {
        let (activation, reversal) = (activations[n % 3], policies[n % 2]);
        let stage = shop(PointType { activation, reversal, ..everything() }).await;
        stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
        let steps = steps.new_tree(&mut runner).unwrap().current();
        let (mut now, mut opened, mut past) = (START, Vec::new(), Vec::new());
        for (n, (op, hours)) in steps.iter().enumerate() {
            now += Duration::hours(*hours);
            stage.at(now).await;
            stage.perform(n, op, now, &mut opened).await;
            if n % 10 == 0 {
                let month = Month::parse(&point_type("points").zone.month_of(now)).unwrap();
                let over: Vec<_> = stage.finance("2026-01", &month.plus(-1).to_string(), 50).await.0;
                past.push((month, over));
            }
        }
        stage.at(now + Duration::days(12)).await;
        let unbooked = stage.finance("2026-01", "2026-12", 50).await;
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
        let all = stage.finance("2026-01", "2026-12", 2).await;
        assert_eq!(unbooked, all, "run {n} {steps:?}");
        assert_eq!(told(&all.1), booked(&stage).await);
        for (month, over) in past {
            assert_eq!(stage.finance("2026-01", &month.plus(-1).to_string(), 50).await.0, over, "{month}");
        }
        let circulation = stage.levels.circulation(&stage.tenant, &key("points"), None, &[]).await.unwrap();
        let last = all.0.last().unwrap();
        let net = circulation.in_circulation();
        assert_eq!((last.closing, last.pending), (net, stage.balance("u", "points").await.pending));
        assert!(all.0.windows(2).all(|pair| pair[0].closing == pair[1].opening));
        // asked for from a later month on, it opens with what came before
        let late = stage.finance("2026-05", "2026-12", 50).await;
        assert_eq!(
            (&late.0[..], late.1.iter().collect::<Vec<_>>()),
            (&all.0[4..], all.1.iter().filter(|it| it.month.as_str() >= "2026-05").collect())
        );
        stage.audit().await;
    }
}

/// D2: earned 22 January with the month mode, gone at 1 February 00:00: the lapse is January's or February's by when it
/// happens, and never by when it is booked.
#[tokio::test]
async fn a_lapse_counts_in_the_month_in_which_it_happened_and_what_came_too_late_in_that_in_which_it_came() {
    let stage = shop(PointType { expiry: Expiry::EndOf(Stretch::Month), ..point_type("points") }).await;
    let mut call = earn("u", "points", 100, "1", None);
    "spring".clone_into(&mut call.occasion.origin.cost_centre);
    call.occasion.origin.funder = 2;
    stage.levels.post(&stage.tenant, &[call]).await.unwrap().remove(0).unwrap();
    stage.at(datetime!(2026-05-10 0:00 +8)).await;
    stage.earn_at("u", 7, "late", datetime!(2026-03-05 0:00 +8)).await; // books the lapse of the first
    stage.at(datetime!(2026-06-10 0:00 +8)).await;
    for _ in ["unbooked", "booked"] {
        let (months, lines) = stage.finance("2026-03", "2026-06", 50).await;
        let figures: Vec<_> =
            months.iter().map(|it| (it.moved.issued, it.moved.expired, it.closing, it.breakage)).collect();
        assert_eq!(figures, [(100, 0, 100, 0), (0, 100, 0, 10_000), (7, 7, 0, 10_000), (0, 0, 0, 10_000)]);
        let places: Vec<_> = lines.iter().map(|it| (it.month.as_str(), it.cost_centre.as_str(), it.funder)).collect();
        assert_eq!(places, [("2026-03", "spring", 2), ("2026-04", "", 0), ("2026-05", "", 0)]);
        stage.levels.run_due(&stage.tenant).await.unwrap();
    }
}

#[tokio::test]
async fn reports_are_asked_for_over_the_contract_and_refuse_what_they_cannot_answer() {
    let server = server().await;
    let mut points = api::point_type("points", true);
    let of = points.point_type.as_mut().unwrap();
    (of.expiry_policy, of.expiry_count) = (pb::ExpiryPolicy::Days.into(), 5);
    server.points().create_point_type(points).await.unwrap();
    for who in ["u", "v", "w"] {
        let request = pb::EarnRequest {
            request_id: "1".into(),
            user_id: who.into(),
            point_type_id: "points".into(),
            amount: 5,
            ..Default::default()
        };
        server.points().earn(request).await.unwrap();
    }
    let mut list =
        pb::ListExpiringRequest { point_type_id: "points".into(), within_days: 7, page_size: 2, ..Default::default() };
    let mut users = Vec::new();
    loop {
        let page = server.reports().list_expiring(list.clone()).await.unwrap().into_inner();
        users.extend(page.accounts.into_iter().map(|it| (it.user_id, it.expiring[0].amount)));
        list.page_token = page.next_page_token;
        if list.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(users, [("u".to_owned(), 5), ("v".to_owned(), 5), ("w".to_owned(), 5)]);
    let summarize = |within_days, from_day: &str| pb::SummarizeExpiringRequest {
        point_type_id: "points".into(),
        within_days,
        from_day: from_day.into(),
        ..Default::default()
    };
    let days = server.reports().summarize_expiring(summarize(7, "")).await.unwrap().into_inner().days;
    assert_eq!(days.iter().map(|day| (day.amount, day.users)).collect::<Vec<_>>(), [(15, 3)]);
    for (count, from_day) in [(0, ""), (93, ""), (1, "2026-02-30"), (1, "soon")] {
        assert!(server.reports().summarize_expiring(summarize(count, from_day)).await.is_err(), "{count} {from_day}");
    }
    let finance = |from: &str, until: &str| pb::GetFinanceStatementRequest {
        point_type_id: "points".into(),
        from_month: from.into(),
        until_month: until.into(),
        ..Default::default()
    };
    let now = OffsetDateTime::now_utc();
    let this = Month::parse(&point_type("points").zone.month_of(now)).unwrap();
    let whole = finance(&this.plus(-35).to_string(), &this.to_string());
    let answer = server.reports().get_finance_statement(whole).await.unwrap().into_inner();
    let last = answer.months.last().unwrap();
    assert_eq!((answer.months.len(), last.closing_liability, last.moved.unwrap().issued), (36, 15, 15));
    assert_eq!(answer.lines.iter().map(|line| line.moved.unwrap().issued).collect::<Vec<_>>(), [15]);
    for edge in ["0000-01", "9999-12"] {
        let answer = server.reports().get_finance_statement(finance(edge, edge)).await.unwrap().into_inner();
        assert_eq!((answer.months.len(), answer.lines.len()), (1, 0), "{edge}");
    }
    for (from, until) in [("2026-02", "2026-01"), ("2026-13", "2026-13"), ("2020-01", "2023-01"), ("", "")] {
        assert!(server.reports().get_finance_statement(finance(from, until)).await.is_err(), "{from} {until}");
    }
}

#[tokio::test]
async fn a_reward_and_what_is_taken_back_of_it_stand_on_its_campaigns_line() {
    let stage = shop(point_type("points")).await;
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (START, START);
    let reward =
        incentives::RewardGranted { cost_centre: "growth team".to_owned(), funder: 3, ..granted("r", "points", 100) };
    stage.carry_out(&[events.of("u", "g", &reward), events.of("u", "t", &revoked("r", 40))]).await;
    let (_, lines) = stage.finance("2026-03", "2026-03", 50).await;
    let moved = Moved { issued: 100, reversed: 40, ..Moved::default() };
    let line = Line { month: "2026-03".to_owned(), cost_centre: "growth team".to_owned(), funder: 3, moved };
    assert_eq!(lines, [line]);
}

#[tokio::test]
async fn what_a_refund_takes_from_a_hold_that_timed_out_is_told_before_it_is_booked() {
    let stage = shop(PointType { expiry: Expiry::Days(10, None), ..point_type("points") }).await;
    stage.rule("per-yuan", "points", "order.paid", "order.total_minor / 100").await;
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (START, START);
    stage.apply(&[events.paid("u", "o", 5_000)]).await;
    stage.hold_for("u", 50, Duration::hours(1)).await;
    stage.apply(&[events.refunded("u", "o", 2_000, 5_000)]).await;
    stage.at(START + Duration::days(40)).await;
    for _ in ["unbooked", "booked"] {
        let (months, _) = stage.finance("2026-03", "2026-04", 50).await;
        let figures: Vec<_> = months.iter().map(|it| (it.moved.reversed, it.moved.expired, it.closing)).collect();
        assert_eq!(figures, [(20, 30, 0), (0, 0, 0)]);
        while stage.levels.run_due(&stage.tenant).await.unwrap() > 0 {}
    }
    stage.audit().await;
}

#[tokio::test]
async fn what_a_rule_gave_and_what_is_taken_back_of_it_stand_on_the_line_of_whoever_pays() {
    let stage = shop(point_type("points")).await;
    let payer = Payer { cost_centre: "retail".to_owned(), funder: 2 };
    stage.publish(EarningRule { payer, ..rule("r", "points", "order.paid", "order.total_minor / 100") }).await;
    let mut events = Events::new();
    (events.occurred_at, events.recorded_at) = (START, START);
    stage.apply(&[events.paid("u", "o", 10_000), events.refunded("u", "o", 4_000, 10_000)]).await;
    let (_, lines) = stage.finance("2026-03", "2026-03", 9).await;
    let figures: Vec<_> =
        lines.iter().map(|it| (it.cost_centre.as_str(), it.funder, it.moved.issued, it.moved.reversed)).collect();
    assert_eq!(figures, [("retail", 2, 100, 40)]);
}
