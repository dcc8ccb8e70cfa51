//! Leaderboards: seasons, what counts, and the blocks by which places are found.

use ids::{Key, UserId};
use proptest::prelude::*;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use units::text::LocalizedText;
use units::zone::Zone;

use super::leaderboard::ranking::{SCORE_MAX, Score, better_than_bp, block, block_start};
use super::leaderboard::{Leaderboard, PlacePrize, ScoreOrder, ScoreRule, Season, SeasonRule};
use super::refusal::Refusal;

/// A Sunday, 10:00 in Shanghai.
const NOW: OffsetDateTime = datetime!(2026-03-15 02:00 UTC);

fn board(score_rule: ScoreRule, season_rule: SeasonRule) -> Leaderboard {
    Leaderboard {
        id: Key::new("coins").unwrap(),
        display_name: LocalizedText::default(),
        score_rule,
        score_order: ScoreOrder::Descending,
        season_rule,
        seasons: Vec::new(),
        zone: Zone::new("Asia/Shanghai").unwrap(),
        prizes: Vec::new(),
        listed_places: None,
        masked: false,
        version: 1,
        publish_time: NOW,
    }
}

fn dates(id: &str, start: OffsetDateTime, end: OffsetDateTime) -> Season {
    Season { id: id.to_owned(), start, end: Some(end), closed: false }
}

fn user() -> UserId {
    UserId::new("u").unwrap()
}

/// What counts after scores so many seconds after now.
fn after(board: &Leaderboard, scores: &[(i64, i64)]) -> Score {
    let submit = |before, (score, seconds): &(i64, i64)| {
        let at = NOW + Duration::seconds(*seconds);
        Some(board.submit(&user(), before, (*score, at), "").unwrap().score)
    };
    scores.iter().fold(None, submit).unwrap()
}

/// The score, and how many seconds after now it was reached.
fn counts(board: &Leaderboard, scores: &[(i64, i64)]) -> (i64, i64) {
    let score = after(board, scores);
    (board.score_order.key(score.rank_key), (score.attained_at - NOW).whole_seconds())
}

#[test]
fn a_season_is_a_week_a_month_a_quarter_or_by_dates_of_the_boards_zone() {
    let of = |rule, at| board(ScoreRule::Best, rule).season_at(at).map(|it| (it.id, it.start, it.end));
    let week = ("2026-03-09".to_owned(), datetime!(2026-03-09 0:00 +8), Some(datetime!(2026-03-16 0:00 +8)));
    assert_eq!(of(SeasonRule::Weekly, NOW), Some(week));
    let month = ("2026-03-01".to_owned(), datetime!(2026-03-01 0:00 +8), Some(datetime!(2026-04-01 0:00 +8)));
    assert_eq!(of(SeasonRule::Monthly, NOW), Some(month));
    let quarter = ("2026-01-01".to_owned(), datetime!(2026-01-01 0:00 +8), Some(datetime!(2026-04-01 0:00 +8)));
    assert_eq!(of(SeasonRule::Quarterly, NOW), Some(quarter));
    let last = datetime!(2026-12-31 23:59 +8);
    let quarter = ("2026-10-01".to_owned(), datetime!(2026-10-01 0:00 +8), Some(datetime!(2027-01-01 0:00 +8)));
    assert_eq!(of(SeasonRule::Quarterly, last), Some(quarter));
    let all = ("all".to_owned(), OffsetDateTime::UNIX_EPOCH, None);
    assert_eq!(of(SeasonRule::None, NOW), Some(all));
    let (start, end) = (NOW, NOW + Duration::days(1));
    let by_dates =
        Leaderboard { seasons: vec![dates("finals", start, end)], ..board(ScoreRule::Best, SeasonRule::Dates) };
    let tick = Duration::MICROSECOND;
    let seen = [start - tick, start, end - tick, end].map(|at| by_dates.season_at(at).is_some());
    assert_eq!(seen, [false, true, true, false]);
}

#[test]
fn the_best_counts_from_when_it_was_first_reached() {
    let it = board(ScoreRule::Best, SeasonRule::None);
    assert_eq!(counts(&it, &[(5, 1), (9, 2), (7, 3), (9, 4)]), (9, 2));
    assert_eq!(counts(&it, &[(9, 4), (9, 2)]), (9, 2), "told late, reached earlier");
    let times = Leaderboard { score_order: ScoreOrder::Ascending, ..it };
    assert_eq!(counts(&times, &[(50, 1), (42, 2), (47, 3)]), (42, 2));
}

#[test]
fn a_sum_is_reached_with_its_last_part_and_has_a_limit() {
    let it = board(ScoreRule::Sum, SeasonRule::None);
    assert_eq!(counts(&it, &[(5, 3), (-2, 1)]), (3, 3), "told late, reached earlier");
    let most = after(&it, &[(SCORE_MAX, 1)]);
    let over = it.submit(&user(), Some(most), (1, NOW), "").map(|it| it.counted);
    assert_eq!(over, Err(Refusal::ScoreOverflow));
}

#[test]
fn the_latest_counts_whenever_it_is_told() {
    let it = board(ScoreRule::Last, SeasonRule::None);
    assert_eq!(counts(&it, &[(5, 1), (3, 3), (9, 2)]), (3, 3));
    assert_eq!(counts(&it, &[(5, 1), (5, 2)]), (5, 1), "the same is not reached anew");
}

#[test]
fn a_display_stays_until_another_is_given_and_is_masked_for_others() {
    let it = Leaderboard { masked: true, ..board(ScoreRule::Best, SeasonRule::None) };
    let submit = |before, display| it.submit(&user(), before, (1, NOW), display).unwrap();
    let first = submit(None, "");
    assert_eq!((it.name(&first.score, true), it.name(&first.score, false)), ("u".into(), "**".into()));
    let named = submit(Some(first.score), "小小明");
    assert!(!named.counted);
    let kept = submit(Some(named.score), "");
    assert_eq!((it.name(&kept.score, true), it.name(&kept.score, false)), ("小小明".into(), "小**明".into()));
    let short = submit(Some(kept.score), "小明");
    assert_eq!(it.name(&short.score, false), "小**");
    let open = Leaderboard { masked: false, ..it };
    assert_eq!(open.name(&short.score, false), "小明");
}

#[test]
fn who_is_better_than_how_many_counts_the_others_alone() {
    let table = [(1, 1, 0), (1, 2, 10_000), (2, 2, 0), (1, 4, 10_000), (2, 4, 6_666), (27, 1_000, 9_739)];
    for (place, participants, want) in table {
        assert_eq!(better_than_bp(place, participants), want, "{place} of {participants}");
    }
}

#[test]
fn another_version_may_change_what_comes_and_nothing_that_counts() {
    let (begun, coming) = (dates("a", NOW - Duration::DAY, NOW + Duration::DAY), NOW + Duration::days(5));
    let it = Leaderboard { seasons: vec![begun.clone()], ..board(ScoreRule::Best, SeasonRule::Dates) };
    let next = Leaderboard { seasons: vec![begun.clone(), dates("b", coming, coming + Duration::DAY)], ..it.clone() };
    assert_eq!((next.breaks(&it, NOW), it.breaks(&next, NOW)), (None, None));
    assert_eq!(it.breaks(&next, coming), Some("seasons"));
    let longer = Season { end: Some(coming), ..begun };
    assert_eq!(Leaderboard { seasons: vec![longer], ..it.clone() }.breaks(&it, NOW), Some("seasons"));
    assert_eq!(Leaderboard { score_rule: ScoreRule::Sum, ..it.clone() }.breaks(&it, NOW), Some("score_rule"));
    assert_eq!(Leaderboard { score_order: ScoreOrder::Ascending, ..it.clone() }.breaks(&it, NOW), Some("score_order"));
    assert_eq!(Leaderboard { zone: Zone::utc(), ..it.clone() }.breaks(&it, NOW), Some("zone"));
    assert_eq!(Leaderboard { season_rule: SeasonRule::Weekly, ..it.clone() }.breaks(&it, NOW), Some("season_rule"));
    assert_eq!(Leaderboard { masked: true, listed_places: Some(9), ..it.clone() }.breaks(&it, NOW), None);
}

#[test]
fn a_prize_is_that_of_the_range_that_a_place_lies_in() {
    let prize = |first_place, last_place, points| PlacePrize {
        first_place,
        last_place,
        point_type: Key::new("points").unwrap(),
        points,
    };
    let it =
        Leaderboard { prizes: vec![prize(1, 1, 100), prize(3, 5, 10)], ..board(ScoreRule::Best, SeasonRule::Weekly) };
    let points: Vec<_> = (1..8).map(|place| it.prize(place).map_or(0, |prize| prize.points)).collect();
    assert_eq!((points, it.prized_places()), (vec![100, 0, 10, 10, 10, 0, 0], 5));
}

#[test]
fn blocks_are_few() {
    assert!(block(SCORE_MAX) < 1_600 && block(-SCORE_MAX) > -1_600);
}

proptest! {
    /// Blocks are in the order of their values, and each begins where it says.
    #[test]
    fn a_block_begins_with_its_lowest_key_and_the_one_before_ends_there(key in -SCORE_MAX..=SCORE_MAX, bits in 0_u32..53) {
        let key = key >> bits;
        let start = block_start(block(key));
        prop_assert!(start <= key);
        prop_assert_eq!(block(start), block(key));
        prop_assert!(block(start - 1) < block(key));
        prop_assert!(block(key + 1) >= block(key));
    }

    /// Whatever order scores become known in, the same counts.
    #[test]
    fn scores_of_different_instants_count_the_same_in_any_order(
        scores in prop::collection::vec(-5_i64..6, 1..8),
        shuffle in any::<prop::sample::Index>(),
        rule in prop::sample::select(vec![ScoreRule::Best, ScoreRule::Sum]),
    ) {
        let it = board(rule, SeasonRule::None);
        let mut scores: Vec<(i64, i64)> = scores.into_iter().zip(1..).collect();
        let in_order = counts(&it, &scores);
        let by = shuffle.index(scores.len());
        scores.rotate_left(by);
        scores.reverse();
        prop_assert_eq!(counts(&it, &scores), in_order);
        let latest = board(ScoreRule::Last, SeasonRule::None);
        let last = scores.iter().max_by_key(|(_, at)| *at).unwrap().0;
        prop_assert_eq!(counts(&latest, &scores).0, last);
    }
}
