//! Leaderboards: places, seasons and their ends.

use levels::commands::{PublishLeaderboard, SubmitScore};
use levels::domain::entry::Filter;
use levels::domain::leaderboard::ranking::Score;
use levels::domain::leaderboard::{Leaderboard, PlacePrize, ScoreOrder, ScoreRule, Season, SeasonRule};
use levels::domain::refusal::Refusal;
use levels::error::LevelsError;
use levels::store;
use proto::levels::v1 as pb;
use proto::levels::v1::EntryKind;
use service::Answer;
use time::{Duration, OffsetDateTime};
use units::zone::Zone;

use crate::stage::{Events, Stage, key, request, stage, text, user};

/// Scores of a season that began a week ago and runs for another.
pub(crate) fn coins(score_rule: ScoreRule) -> Leaderboard {
    let now = OffsetDateTime::now_utc();
    let (start, end) = (now - Duration::WEEK, Some(now + Duration::WEEK));
    Leaderboard {
        id: key("coins"),
        display_name: text("coins"),
        score_rule,
        score_order: ScoreOrder::Descending,
        season_rule: SeasonRule::Dates,
        seasons: vec![Season { id: "spring".to_owned(), start, end, closed: false }],
        zone: Zone::new("Asia/Shanghai").unwrap(),
        prizes: vec![prize(1, 1, 100), prize(2, 3, 10)],
        listed_places: None,
        masked: false,
        version: 0,
        publish_time: OffsetDateTime::UNIX_EPOCH,
    }
}

fn prize(first_place: i64, last_place: i64, points: i64) -> PlacePrize {
    PlacePrize { first_place, last_place, point_type: key("points"), points }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, LevelsError>) -> Refusal {
    match outcome {
        Err(LevelsError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Some time in the season, in minutes before now.
fn ago(minutes: i64) -> Option<OffsetDateTime> {
    Some(OffsetDateTime::from_unix_timestamp(OffsetDateTime::now_utc().unix_timestamp() - minutes * 60).unwrap())
}

impl Stage {
    pub(crate) async fn publish_board(
        &self,
        leaderboard: Leaderboard,
        id: &str,
    ) -> Result<pb::PublishLeaderboardResponse, LevelsError> {
        let request = request("", "LeaderboardService/PublishLeaderboard", id, 0);
        let command = PublishLeaderboard { request, leaderboard };
        self.levels.publish_leaderboard(&self.tenant, &command).await.map(|answer| answer.value)
    }

    pub(crate) async fn submit(
        &self,
        who: &str,
        (score, occurred_at): (i64, Option<OffsetDateTime>),
        id: &str,
    ) -> Result<Answer<pb::SubmitScoreResponse>, LevelsError> {
        let command = SubmitScore {
            request: request(who, "LeaderboardService/SubmitScore", id, score as u8),
            user: user(who),
            leaderboard: key("coins"),
            score,
            occurred_at,
            display: String::new(),
        };
        self.levels.submit_score(&self.tenant, &command).await
    }

    /// Users and scores from the first place on.
    async fn top(&self) -> Vec<(i64, String, i64)> {
        let ranks = self.levels.list_ranks(&self.tenant, (&key("coins"), "spring"), None, 200).await.unwrap();
        ranks.users.into_iter().map(|it| (it.place, it.user_id, it.score)).collect()
    }

    async fn place(&self, who: &str) -> pb::GetRankResponse {
        self.levels.rank(&self.tenant, (&key("coins"), "spring"), &user(who)).await.unwrap()
    }

    /// As if the season had ended an hour ago.
    async fn season_over(&self) {
        self.execute("update leaderboard_season set ends_at = ends_at - interval '7 days 1 hour'").await;
    }

    /// The blocks hold as many users as have scores in them.
    async fn audit_blocks(&self) {
        let mut admin = self.db.admin(levels::NAME).await;
        let scores: Vec<(String, i64)> =
            sqlx::query_as("select season_id, rank_key from leaderboard_score").fetch_all(&mut admin).await.unwrap();
        let blocks: Vec<(String, i32, i64)> = sqlx::query_as(
            "select season_id, block, sum(users)::bigint from leaderboard_block
             group by 1, 2 having sum(users) <> 0 order by 1, 2",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let mut counted = std::collections::BTreeMap::<_, i64>::new();
        for (season, rank_key) in scores {
            *counted.entry((season, levels::domain::leaderboard::ranking::block(rank_key))).or_default() += 1;
        }
        let blocks: Vec<_> = blocks.into_iter().map(|(season, block, users)| ((season, block), users)).collect();
        assert_eq!(counted.into_iter().collect::<Vec<_>>(), blocks);
    }
}

/// A tenant with points and the leaderboard.
async fn arena(rule: ScoreRule) -> Stage {
    let stage = stage().await;
    stage.publish_board(coins(rule), "coins").await.unwrap();
    stage
}

#[tokio::test]
async fn of_equal_scores_the_one_reached_earlier_stands_higher_then_the_smaller_id() {
    let stage = arena(ScoreRule::Best).await;
    for (who, score, minutes) in [("d", 7, 9), ("c", 7, 30), ("b", 9, 5), ("a", 7, 9), ("e", 1, 60)] {
        stage.submit(who, (score, ago(minutes)), "1").await.unwrap();
    }
    let want = [(1, "b", 9), (2, "c", 7), (3, "a", 7), (4, "d", 7), (5, "e", 1)];
    assert_eq!(stage.top().await, want.map(|(place, who, score)| (place, who.to_owned(), score)));
    let middle = stage.place("a").await;
    assert_eq!((middle.rank.unwrap().place, middle.participants, middle.better_than_bp), (3, 5, 5_000));
    let nobody = stage.place("x").await;
    assert_eq!((nobody.rank, nobody.participants, nobody.better_than_bp), (None, 5, 0));
    stage.audit_blocks().await;
}

#[tokio::test]
async fn low_scores_stand_first_where_the_board_says_so() {
    let stage = stage().await;
    let laps = Leaderboard { score_order: ScoreOrder::Ascending, ..coins(ScoreRule::Best) };
    stage.publish_board(laps, "laps").await.unwrap();
    for (who, score) in [("a", 50), ("b", 42), ("c", -3), ("a", 40), ("b", 47)] {
        let taken = stage.submit(who, (score, None), &score.to_string()).await.unwrap().value;
        assert_eq!(taken.counted, score != 47);
    }
    let top: Vec<_> = stage.top().await.into_iter().map(|(_, who, score)| (who, score)).collect();
    assert_eq!(top, [("c".to_owned(), -3), ("a".to_owned(), 40), ("b".to_owned(), 42)]);
}

#[tokio::test]
async fn places_pages_and_neighbours_are_those_of_a_plain_sort() {
    let stage = arena(ScoreRule::Sum).await;
    let mut sums = std::collections::BTreeMap::<String, i64>::new();
    let mut seed = 7_u64;
    for n in 0..240 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (who, score) = (format!("u{:02}", (seed >> 33) % 60), ((seed >> 40) % 2_000) as i64 - 500);
        stage.submit(&who, (score, ago(1_000 - n)), &n.to_string()).await.unwrap();
        *sums.entry(who).or_default() += score;
    }
    let mut sorted: Vec<(i64, String)> = sums.into_iter().map(|(who, sum)| (-sum, who)).collect();
    sorted.sort();
    let want: Vec<_> = (1..).zip(&sorted).map(|(place, (sum, who))| (place, who.clone(), -sum)).collect();
    assert_eq!(stage.top().await, want, "no two sums are equal here");
    for (place, who, _) in &want {
        assert_eq!(stage.place(who).await.rank.unwrap().place, *place);
    }
    let asked = (&key("coins"), "");
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let ranks = stage.levels.list_ranks(&stage.tenant, asked, after, 7).await.unwrap();
        pages.extend(ranks.users.into_iter().map(|it| (it.place, it.user_id, it.score)));
        after = ranks.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, want);
    for middle in [0, 1, 30, want.len() - 1] {
        let who = user(&want[middle].1);
        let around = stage.levels.list_neighbours(&stage.tenant, asked, &who, 3).await.unwrap().users;
        let around: Vec<_> = around.into_iter().map(|it| (it.place, it.user_id, it.score)).collect();
        assert_eq!(around, want[middle.saturating_sub(3)..(middle + 4).min(want.len())]);
    }
    let friends = ["nobody", &want[40].1, &want[2].1, &want[2].1].map(user);
    let found = stage.levels.list_ranks_of(&stage.tenant, asked, &friends).await.unwrap().users;
    let found: Vec<_> = found.into_iter().map(|it| (it.place, it.user_id)).collect();
    assert_eq!(found, [(1, want[2].1.clone()), (2, want[40].1.clone())]);
    stage.audit_blocks().await;
}

#[tokio::test]
async fn scores_that_come_at_once_add_up_and_each_counts_once() {
    let stage = arena(ScoreRule::Sum).await;
    let calls = (0..60).map(|n| {
        let stage = &stage;
        async move { stage.submit(&format!("u{}", n % 3), (1 + n / 30, None), &format!("{}", n / 6)).await }
    });
    let taken = futures::future::join_all(calls).await;
    // three users, ten ids each, every call twice
    assert_eq!(taken.iter().filter(|taken| taken.as_ref().is_ok_and(|taken| !taken.replayed)).count(), 30);
    assert_eq!(stage.top().await.into_iter().map(|(_, _, score)| score).collect::<Vec<_>>(), [15, 15, 15]);
    stage.audit_blocks().await;
}

#[tokio::test]
async fn a_score_counts_in_the_season_that_it_was_reached_in_and_not_after_its_end() {
    let stage = stage().await;
    let now = OffsetDateTime::now_utc();
    let season = |id: &str, from: i64, until: i64| {
        let (start, end) = (now + Duration::days(from), Some(now + Duration::days(until)));
        Season { id: id.to_owned(), start, end, closed: false }
    };
    let seasons = vec![season("old", -9, -6), season("spring", -3, 3)];
    stage.publish_board(Leaderboard { seasons, ..coins(ScoreRule::Best) }, "coins").await.unwrap();
    let over = refusal(stage.submit("u", (1, Some(now - Duration::days(8))), "1").await);
    assert_eq!(over, Refusal::SeasonOver { season_id: "old".into() });
    let between = refusal(stage.submit("u", (1, Some(now - Duration::days(5))), "2").await);
    assert_eq!(between, Refusal::SeasonNotRunning { leaderboard_id: "coins".into() });
    let taken = stage.submit("u", (1, Some(now - Duration::days(2))), "3").await.unwrap().value;
    assert_eq!(taken.season.unwrap().season_id, "spring");
    let ahead = stage.submit("u", (1, Some(now + Duration::hours(1))), "4").await;
    assert!(matches!(ahead, Err(LevelsError::Invalid(_))), "{ahead:?}");
    stage.submit("u", (2, Some(now + Duration::seconds(20))), "4").await.unwrap();
    let unknown = stage.levels.rank(&stage.tenant, (&key("coins"), "winter"), &user("u")).await;
    let missing = Refusal::SeasonNotFound { leaderboard_id: "coins".into(), season_id: "winter".into() };
    assert_eq!(refusal(unknown), missing);
}

#[tokio::test]
async fn at_the_end_of_a_season_its_places_get_their_prizes_once() {
    let stage = arena(ScoreRule::Best).await;
    for (who, score) in [("a", 9), ("b", 7), ("c", 5), ("d", 3)] {
        stage.submit(who, (score, None), "1").await.unwrap();
    }
    let end = stage.levels.next_due(&stage.tenant).await.unwrap().unwrap();
    assert!(end > OffsetDateTime::now_utc() + Duration::days(6), "the season's end is the next timer");
    assert_eq!(stage.levels.review().await.unwrap(), 0);
    stage.season_over().await;
    let (one, two) = tokio::join!(stage.levels.review(), stage.levels.review());
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(stage.levels.review().await.unwrap(), 0);
    let lapse = stage.levels.next_due(&stage.tenant).await.unwrap().unwrap();
    assert!(lapse > end + Duration::days(300), "only the prizes' lapse is left");
    let mut got = Vec::new();
    for who in ["a", "b", "c", "d"] {
        got.push(stage.balance(who, "points").await.available);
    }
    assert_eq!(got, [100, 10, 10, 0]);
    let (account, all) = ((&user("a"), &key("points")), Filter::default());
    let (page, _) = stage.levels.list_entries(&stage.tenant, account, &all, None, 9, &[]).await.unwrap();
    let entry = &page.rows[0];
    assert_eq!(entry.origin.reason, "coins spring #1");
    let past = stage.place("b").await;
    let (season, given) = (past.season.unwrap(), past.prize.unwrap());
    assert_eq!((given.place, given.points, given.entry_seq), (2, 10, 1));
    assert_eq!(Some(entry.occurred_at.unix_timestamp()), season.end_time.map(|end| end.seconds));
    assert_eq!((past.rank.unwrap().place, stage.place("d").await.prize), (2, None));
    let seasons = stage.levels.list_seasons(&stage.tenant, &key("coins"), None, 9).await.unwrap().rows;
    assert_eq!(seasons.iter().map(|it| (it.id.as_str(), it.closed)).collect::<Vec<_>>(), [("spring", true)]);
    stage.audit().await;
}

#[tokio::test]
async fn a_prize_that_counts_as_growth_moves_its_user() {
    let stage = stage().await;
    stage.scheme(None).await;
    let grow = PlacePrize { point_type: key("growth"), ..prize(1, 1, 500) };
    stage.publish_board(Leaderboard { prizes: vec![grow], ..coins(ScoreRule::Best) }, "coins").await.unwrap();
    stage.submit("u", (1, None), "1").await.unwrap();
    stage.season_over().await;
    assert_eq!(stage.levels.run_due(&stage.tenant).await.unwrap(), 1);
    assert_eq!((stage.rank("u").await, stage.statement("u", "growth").await), (1, vec![(EntryKind::Earn, 500)]));
}

#[tokio::test]
async fn a_closing_that_breaks_off_gives_nothing_and_the_next_one_gives_all_of_it() {
    let stage = arena(ScoreRule::Best).await;
    stage.submit("a", (9, None), "1").await.unwrap();
    stage.submit("b", (7, None), "1").await.unwrap();
    stage.season_over().await;
    // the last statement before the log's
    stage.execute("alter table leaderboard_prize add constraint broken check (place < 2) not valid").await;
    assert!(stage.levels.review().await.is_err());
    assert_eq!(stage.balance("a", "points").await.available, 0);
    stage.execute("alter table leaderboard_prize drop constraint broken").await;
    assert_eq!(stage.levels.review().await.unwrap(), 1);
    assert_eq!(stage.balance("a", "points").await.available, 100);
    assert_eq!(stage.balance("b", "points").await.available, 10);
    stage.audit().await;
}

#[tokio::test]
async fn a_closing_waits_for_scores_that_are_on_their_way() {
    let stage = arena(ScoreRule::Best).await;
    stage.submit("a", (9, None), "1").await.unwrap();
    let board = key("coins");
    let mut tx = stage.db.db(levels::NAME).await.begin(&stage.tenant).await.unwrap();
    store::season::keep_open(&mut tx, &stage.tenant, &board).await.unwrap();
    stage.season_over().await;
    let late = async {
        testkit::eventually(|| async {
            let mut admin = stage.db.admin(levels::NAME).await;
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks l join pg_stat_activity a using (pid)
                 where l.locktype = 'advisory' and not l.granted and a.datname = current_database()",
            )
            .fetch_one(&mut admin)
            .await
            .unwrap();
            waiting > 0
        })
        .await;
        let now = OffsetDateTime::now_utc();
        let first = Score { user: user("b"), rank_key: -20, attained_at: now, last_at: now, display: String::new() };
        store::score::write(&mut tx, &stage.tenant, (&board, "spring"), &first, None).await.unwrap();
        tx.commit().await.unwrap();
    };
    let (closed, ()) = tokio::join!(stage.levels.review(), late);
    assert_eq!(closed.unwrap(), 1);
    assert_eq!(stage.balance("b", "points").await.available, 100);
    assert_eq!(stage.balance("a", "points").await.available, 10);
}

#[tokio::test]
async fn names_are_masked_for_others_and_places_beyond_the_listed_ones_are_not_listed() {
    let stage = stage().await;
    let masked = Leaderboard { masked: true, listed_places: Some(2), ..coins(ScoreRule::Best) };
    stage.publish_board(masked, "coins").await.unwrap();
    for (who, score) in [("alice", 9), ("bob", 7), ("carol", 5)] {
        stage.submit(who, (score, None), "1").await.unwrap();
    }
    let asked = (&key("coins"), "");
    let shown = |users: Vec<pb::RankedUser>| -> Vec<_> {
        users.into_iter().map(|it| (it.place, it.user_id, it.name)).collect()
    };
    let row = |place, id: &str, name: &str| (place, id.to_owned(), name.to_owned());
    let top = stage.levels.list_ranks(&stage.tenant, asked, None, 1).await.unwrap();
    let rest = stage.levels.list_ranks(&stage.tenant, asked, top.next.clone(), 9).await.unwrap();
    assert_eq!((shown(top.users), shown(rest.users)), (vec![row(1, "", "a**e")], vec![row(2, "", "b**b")]));
    assert_eq!(rest.next, None);
    let around = stage.levels.list_neighbours(&stage.tenant, asked, &user("carol"), 1).await.unwrap().users;
    assert_eq!(shown(around), [row(2, "", "b**b"), row(3, "carol", "carol")]);
    let friends = stage.levels.list_ranks_of(&stage.tenant, asked, &[user("bob")]).await.unwrap().users;
    assert_eq!(shown(friends), [row(1, "bob", "bob")]);
}

#[tokio::test]
async fn a_boards_rules_are_fixed_and_its_prizes_are_of_points_that_there_are() {
    let stage = arena(ScoreRule::Best).await;
    let fixed = |field: &str| Refusal::LeaderboardFixed { leaderboard_id: "coins".into(), field: field.into() };
    let begun = coins(ScoreRule::Best).seasons; // begins a moment later than the one that is published
    assert_eq!(refusal(stage.publish_board(coins(ScoreRule::Sum), "1").await), fixed("score_rule"));
    let other = Leaderboard { seasons: begun, ..coins(ScoreRule::Best) };
    assert_eq!(refusal(stage.publish_board(other, "2").await), fixed("seasons"));
    let unknown = PlacePrize { point_type: key("stars"), ..prize(1, 1, 5) };
    let unknown = Leaderboard { id: key("b"), prizes: vec![unknown], ..coins(ScoreRule::Best) };
    let missing = Refusal::PointTypeNotFound { point_type_id: "stars".into() };
    assert_eq!(refusal(stage.publish_board(unknown, "3").await), missing);
    for n in 1..100 {
        let id = format!("b-{n}");
        stage.publish_board(Leaderboard { id: key(&id), ..coins(ScoreRule::Best) }, &id).await.unwrap();
    }
    let full = Leaderboard { id: key("b"), ..coins(ScoreRule::Best) };
    assert_eq!(refusal(stage.publish_board(full, "4").await), Refusal::LeaderboardLimit { limit: 100 });
}

#[tokio::test]
async fn an_alias_has_its_users_score() {
    let stage = arena(ScoreRule::Sum).await;
    let mut events = Events::new();
    let linked = events.of("u", "l", &proto::profiles::v1::ProfileAliasLinked { alias: "a".to_owned() });
    stage.apply(&[linked]).await;
    stage.submit("u", (2, None), "1").await.unwrap();
    stage.submit("a", (3, None), "2").await.unwrap();
    assert_eq!(stage.top().await, [(1, "u".to_owned(), 5)]);
    assert_eq!(stage.place("a").await.rank.unwrap().place, 1);
    let both = stage.levels.list_ranks_of(&stage.tenant, (&key("coins"), ""), &[user("u"), user("a")]).await.unwrap();
    assert_eq!(both.users.len(), 1);
}
