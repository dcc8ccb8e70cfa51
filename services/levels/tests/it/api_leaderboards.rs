//! Leaderboards through a real socket.

use proto::common::v1::LocalizedText;
use proto::levels::v1 as pb;
use status::{metadata_of, reason_of, violations_of};
use tonic::Code;

use crate::api::point_type;
use crate::consumer::{Server, server};

fn coins() -> pb::Leaderboard {
    let texts = [("en".to_owned(), "coins".to_owned())].into();
    pb::Leaderboard {
        leaderboard_id: "coins".into(),
        display_name: Some(LocalizedText { texts, ..Default::default() }),
        score_rule: pb::ScoreRule::Sum.into(),
        score_order: pb::ScoreOrder::Descending.into(),
        season_rule: pb::SeasonRule::Monthly.into(),
        zone: "Asia/Shanghai".into(),
        prizes: vec![prize(1, 3)],
        ..Default::default()
    }
}

fn prize(first_place: i32, last_place: i32) -> pb::PlacePrize {
    pb::PlacePrize { first_place, last_place, point_type_id: "points".into(), points: 5 }
}

fn publish(board: pb::Leaderboard, id: &str) -> pb::PublishLeaderboardRequest {
    pb::PublishLeaderboardRequest { request_id: id.to_owned(), leaderboard: Some(board), validate_only: false }
}

fn submit(user: &str, score: i64, id: &str) -> pb::SubmitScoreRequest {
    pb::SubmitScoreRequest {
        request_id: id.to_owned(),
        user_id: user.to_owned(),
        leaderboard_id: "coins".into(),
        score,
        ..Default::default()
    }
}

async fn arena() -> Server {
    let server = server().await;
    server.points().create_point_type(point_type("points", true)).await.unwrap();
    server.boards().publish_leaderboard(publish(coins(), "coins")).await.unwrap();
    server
}

#[tokio::test]
async fn scores_become_places_that_are_listed_by_pages() {
    let server = arena().await;
    let mut boards = server.boards();
    let found = pb::GetLeaderboardRequest { leaderboard_id: "coins".into() };
    let found = boards.get_leaderboard(found).await.unwrap().into_inner().leaderboard.unwrap();
    assert_eq!(pb::Leaderboard { version: 0, publish_time: None, ..found.clone() }, coins());
    let all = boards.list_leaderboards(pb::ListLeaderboardsRequest::default()).await.unwrap().into_inner();
    assert_eq!((all.leaderboards, all.next_page_token.as_str()), (vec![found], ""));
    for (user, score) in [("a", 5), ("b", 9), ("c", 7)] {
        boards.submit_score(submit(user, score, "1")).await.unwrap();
    }
    let named = pb::SubmitScoreRequest { display: "阿明".into(), ..submit("a", 3, "2") };
    let first = boards.submit_score(named.clone()).await.unwrap().into_inner();
    let again = boards.submit_score(named).await.unwrap();
    assert_eq!(again.metadata().get(rt::REPLAYED_TRAILER).unwrap(), "true");
    assert_eq!((first.score, first.counted, &first), (8, true, &again.into_inner()));

    let list = pb::ListRanksRequest { leaderboard_id: "coins".into(), page_size: 2, ..Default::default() };
    let page = boards.list_ranks(list.clone()).await.unwrap().into_inner();
    let shown =
        |users: &[pb::RankedUser]| -> Vec<_> { users.iter().map(|it| (it.place, it.name.clone(), it.score)).collect() };
    assert_eq!(shown(&page.users), [(1, "b".to_owned(), 9), (2, "阿明".to_owned(), 8)]);
    assert_eq!(page.season, first.season);
    let next = pb::ListRanksRequest { page_token: page.next_page_token.clone(), ..list.clone() };
    let last = boards.list_ranks(next).await.unwrap().into_inner();
    assert_eq!((shown(&last.users), last.next_page_token.as_str()), (vec![(3, "c".to_owned(), 7)], ""));
    let season_id = page.season.unwrap().season_id;
    let foreign = pb::ListRanksRequest { season_id: season_id.clone(), page_token: page.next_page_token, ..list };
    let refused = boards.list_ranks(foreign).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("PAGE_TOKEN_INVALID"));

    let own = pb::GetRankRequest { leaderboard_id: "coins".into(), season_id, user_id: "a".into() };
    let own = boards.get_rank(own).await.unwrap().into_inner();
    assert_eq!((own.rank.unwrap().place, own.participants, own.better_than_bp), (2, 3, 5_000));
    let around = pb::ListNeighboursRequest {
        leaderboard_id: "coins".into(),
        user_id: "c".into(),
        count: 1,
        ..Default::default()
    };
    let around = boards.list_neighbours(around).await.unwrap().into_inner().users;
    assert_eq!(around.iter().map(|it| it.place).collect::<Vec<_>>(), [2, 3]);
    let friends = pb::ListRanksOfRequest {
        leaderboard_id: "coins".into(),
        user_ids: vec!["c".into(), "a".into(), "x".into()],
        ..Default::default()
    };
    let friends = boards.list_ranks_of(friends).await.unwrap().into_inner().users;
    assert_eq!(friends.iter().map(|it| (it.place, it.user_id.as_str())).collect::<Vec<_>>(), [(1, "a"), (2, "c")]);
    let seasons = pb::ListSeasonsRequest { leaderboard_id: "coins".into(), ..Default::default() };
    let seasons = boards.list_seasons(seasons).await.unwrap().into_inner().seasons;
    assert_eq!(seasons, [first.season.unwrap()]);
    server.end().await;
}

#[tokio::test]
async fn a_leaderboard_is_checked_as_a_whole() {
    let server = arena().await;
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let dates =
        |id: &str, from, until| pb::SeasonDates { season_id: id.into(), start_time: time(from), end_time: time(until) };
    let by_dates = pb::Leaderboard { season_rule: pb::SeasonRule::Dates.into(), ..coins() };
    let cases: Vec<(pb::Leaderboard, Vec<&str>)> = vec![
        (by_dates.clone(), vec!["leaderboard.seasons"]),
        (pb::Leaderboard { seasons: vec![dates("a", 1, 2)], ..coins() }, vec!["leaderboard.seasons"]),
        (
            pb::Leaderboard { seasons: vec![dates("a", 1, 5), dates("a", 4, 4)], ..by_dates },
            vec![
                "leaderboard.seasons[1].season_id",
                "leaderboard.seasons[1].end_time",
                "leaderboard.seasons[1].start_time",
            ],
        ),
        (
            pb::Leaderboard { prizes: vec![prize(2, 1), prize(1, 1)], ..coins() },
            vec!["leaderboard.prizes[0].last_place", "leaderboard.prizes[1].first_place"],
        ),
        (
            pb::Leaderboard { season_rule: pb::SeasonRule::None.into(), zone: "Mars/Olympus".into(), ..coins() },
            vec!["leaderboard.zone", "leaderboard.prizes"],
        ),
    ];
    for (board, want) in cases {
        let refused = server.boards().publish_leaderboard(publish(board, "wrong")).await.unwrap_err();
        let fields: Vec<_> = violations_of(&refused).iter().map(|violation| violation.0.clone()).collect();
        assert_eq!((refused.code(), fields), (Code::InvalidArgument, want.iter().map(ToString::to_string).collect()));
    }
    let upside_down = pb::Leaderboard { prizes: vec![prize(2, 1)], ..coins() };
    let refused = server.boards().publish_leaderboard(publish(upside_down, "wrong")).await.unwrap_err();
    assert_eq!(violations_of(&refused)[0].1, "must not be below first_place");
    let other = pb::Leaderboard { season_rule: pb::SeasonRule::Weekly.into(), ..coins() };
    let refused = server.boards().publish_leaderboard(publish(other, "other")).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::FailedPrecondition, Some("LEADERBOARD_FIXED")));
    assert_eq!(metadata_of(&refused)["field"], "season_rule");
    let unknown = pb::SubmitScoreRequest { leaderboard_id: "x".into(), ..submit("u", 1, "1") };
    let refused = server.boards().submit_score(unknown).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::NotFound, Some("LEADERBOARD_NOT_FOUND")));
    server.end().await;
}
