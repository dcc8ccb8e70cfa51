//! A year of a programme in a sandbox: what falls due in it, each to the second of its zone.

use end_to_end::harness::Suite;
use proto::common::v1::LocalizedText;
use proto::levels::v1 as pb;
use time::OffsetDateTime;
use time::macros::datetime;
use units::time::from_proto;

use crate::clock::{advance_to, call, create_in};

const ZONE: &str = "America/New_York";

fn text(zh: &str) -> Option<LocalizedText> {
    Some(LocalizedText { texts: [("zh".to_owned(), zh.to_owned())].into(), fallback: String::new() })
}

async fn point_type(suite: &Suite, id: &str, spendable: bool, policy: pb::ExpiryPolicy, count: i32) {
    let point_type = pb::PointType {
        point_type_id: id.to_owned(),
        display_name: text(id),
        spendable,
        expiry_policy: policy.into(),
        expiry_count: count,
        reversal_policy: pb::ReversalPolicy::DownToZero.into(),
        zone: ZONE.to_owned(),
        ..pb::PointType::default()
    };
    let request =
        pb::CreatePointTypeRequest { request_id: id.to_owned(), point_type: Some(point_type), validate_only: false };
    let path = "/banyan.levels.v1.PointsService/CreatePointType";
    call::<_, pb::CreatePointTypeResponse>(suite, path, &request).await.expect("the point type is created");
}

async fn scheme(suite: &Suite, scheme: pb::Scheme) {
    let level = |(rank, threshold): (i32, i64)| pb::Level {
        rank,
        display_name: text(["普通", "银卡", "金卡"][rank as usize]),
        threshold,
        ..pb::Level::default()
    };
    let levels = [(0, 0), (1, 100), (2, 1_000)].map(level).into();
    let request = pb::PublishSchemeRequest {
        request_id: scheme.scheme_id.clone(),
        scheme: Some(pb::Scheme { display_name: text("会员"), levels, ..scheme }),
        validate_only: false,
    };
    let path = "/banyan.levels.v1.LevelService/PublishScheme";
    call::<_, pb::PublishSchemeResponse>(suite, path, &request).await.expect("the scheme is published");
}

async fn earn(suite: &Suite, point_type_id: &str, amount: i64, id: &str) {
    let request = pb::EarnRequest {
        request_id: id.to_owned(),
        user_id: "小林".to_owned(),
        point_type_id: point_type_id.to_owned(),
        amount,
        ..pb::EarnRequest::default()
    };
    let path = "/banyan.levels.v1.PointsService/Earn";
    call::<_, pb::EarnResponse>(suite, path, &request).await.expect("points are given");
}

/// What the statement of a point type says: kind, amount, and when it was.
async fn statement(suite: &Suite, point_type_id: &str) -> Vec<(pb::EntryKind, i64, OffsetDateTime)> {
    let request = pb::ListEntriesRequest {
        user_id: "小林".to_owned(),
        point_type_id: point_type_id.to_owned(),
        ..pb::ListEntriesRequest::default()
    };
    let path = "/banyan.levels.v1.PointsService/ListEntries";
    let answer: pb::ListEntriesResponse = call(suite, path, &request).await.expect("the statement is read");
    let line = |entry: &pb::Entry| (entry.kind(), entry.amount, time_of(entry.occurred_at.as_ref()));
    answer.entries.iter().rev().map(line).collect()
}

/// The moves in a scheme: rank before and after, why, and when.
async fn moves(suite: &Suite, scheme_id: &str) -> Vec<(i32, i32, pb::MoveCause, OffsetDateTime)> {
    let request = pb::ListLevelMovesRequest {
        user_id: "小林".to_owned(),
        scheme_id: scheme_id.to_owned(),
        ..pb::ListLevelMovesRequest::default()
    };
    let path = "/banyan.levels.v1.LevelService/ListLevelMoves";
    let answer: pb::ListLevelMovesResponse = call(suite, path, &request).await.expect("the moves are read");
    let line = |it: &pb::LevelMove| (it.from_rank, it.to_rank, it.cause(), time_of(it.moved_at.as_ref()));
    answer.moves.iter().rev().map(line).collect()
}

fn time_of(at: Option<&prost_types::Timestamp>) -> OffsetDateTime {
    from_proto(at.expect("there is a time")).expect("it is one")
}

#[tokio::test]
async fn in_a_year_of_a_programme_everything_happens_at_its_own_second_of_the_zone() {
    use pb::EntryKind::{Earn, Expire, LevelEnd};
    use pb::MoveCause::{Earned, GraceEnd, PeriodEnd};
    let suite = Suite::start().await;
    let start = datetime!(2028-01-31 12:00 -5);
    create_in(&suite, ZONE, Some(start)).await;
    point_type(&suite, "points", true, pb::ExpiryPolicy::Months, 1).await;
    point_type(&suite, "days", true, pb::ExpiryPolicy::Days, 1).await;
    point_type(&suite, "growth", false, pb::ExpiryPolicy::EndOfYear, 0).await;
    point_type(&suite, "stars", false, pb::ExpiryPolicy::Never, 0).await;
    // held to the end of a quarter, by what the calendar year holds, and ten days more
    let club = pb::Scheme {
        scheme_id: "club".to_owned(),
        point_type_id: "growth".to_owned(),
        basis: pb::MeasureBasis::Unexpired.into(),
        validity_months: 3,
        validity_rounding: pb::ExpiryRounding::Quarter.into(),
        grace_days: 10,
        ..pb::Scheme::default()
    };
    scheme(&suite, club).await;
    // held for half a year from each promotion, and then all begins anew
    let stars = pb::Scheme {
        scheme_id: "stars".to_owned(),
        point_type_id: "stars".to_owned(),
        validity_months: 6,
        period_end: pb::PeriodEnd::Reset.into(),
        ..pb::Scheme::default()
    };
    scheme(&suite, stars).await;
    for id in ["points", "growth", "stars"] {
        earn(&suite, id, 100, &format!("{id}-1")).await;
    }
    let eve_of_spring = datetime!(2028-03-11 12:00 -5);
    advance_to(&suite, "to spring", eve_of_spring).await;
    earn(&suite, "days", 5, "days").await;
    earn(&suite, "stars", 900, "stars-2").await;
    advance_to(&suite, "to the next spring", datetime!(2029-04-15 0:00 -4)).await;

    let leap_day_over = datetime!(2028-03-01 0:00 -5);
    let points = [(Earn, 100, start), (Expire, -100, leap_day_over)];
    assert_eq!(statement(&suite, "points").await, points, "a month from the 31st of January, clamped, in a leap year");
    let short_day_over = datetime!(2028-03-13 0:00 -4);
    let days = [(Earn, 5, eve_of_spring), (Expire, -5, short_day_over)];
    assert_eq!(statement(&suite, "days").await, days, "a day on, over one that has 23 hours");
    let year_over = datetime!(2029-01-01 0:00 -5);
    let growth = [(Earn, 100, start), (Expire, -100, year_over)];
    assert_eq!(statement(&suite, "growth").await, growth, "at the year's end");
    let (summer, autumn, spring) =
        (datetime!(2028-07-01 0:00 -4), datetime!(2028-10-01 0:00 -4), datetime!(2029-04-01 0:00 -4));
    let club = [
        (0, 1, Earned, start),
        (1, 1, PeriodEnd, summer),
        (1, 1, PeriodEnd, autumn),
        (1, 1, PeriodEnd, year_over), // by what the year held, which lapses with it
        (1, 1, PeriodEnd, spring),    // no longer, and kept through the grace
        (1, 0, GraceEnd, datetime!(2029-04-11 0:00 -4)),
    ];
    assert_eq!(moves(&suite, "club").await, club);
    let half_a_year_on = datetime!(2028-09-12 0:00 -4);
    let then = datetime!(2029-03-12 0:00 -4);
    let stars = [
        (0, 1, Earned, start),
        (1, 2, Earned, eve_of_spring),
        (2, 0, PeriodEnd, half_a_year_on),
        (0, 0, PeriodEnd, then),
    ];
    assert_eq!(moves(&suite, "stars").await, stars, "the promotion began the half-year anew");
    let stars = [(Earn, 100, start), (Earn, 900, eve_of_spring), (LevelEnd, -1_000, half_a_year_on)];
    assert_eq!(statement(&suite, "stars").await, stars);
}
