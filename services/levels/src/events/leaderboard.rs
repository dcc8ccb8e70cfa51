//! What is told of leaderboards.

use eventlog::{Draft, derive};
use ids::Key;
use proto::levels::v1 as pb;
use time::OffsetDateTime;

use crate::domain::leaderboard::{Prize, Season};
use crate::wire;

/// A season was closed.
pub fn closed(leaderboard: &Key, season: &Season, participants: i64, at: OffsetDateTime) -> Draft {
    let event_id = derive(leaderboard.as_str(), &format!("season/{}", season.id), 0);
    let (leaderboard_id, season) = (leaderboard.to_string(), Some(wire::leaderboard::season(season)));
    Draft::new("", event_id, &pb::SeasonClosed { leaderboard_id, season, participants }, at)
}

/// A place got something when its season ended.
pub fn prize_given(leaderboard: &Key, season: &Season, prize: &Prize, at: OffsetDateTime) -> Draft {
    let user = prize.user.as_str();
    let event_id = derive(user, &format!("prize/{leaderboard}/{}", season.id), 0);
    let (leaderboard_id, season_id) = (leaderboard.to_string(), season.id.clone());
    let prize = Some(wire::leaderboard::prize(prize));
    Draft::new(user, event_id, &pb::PrizeGiven { leaderboard_id, season_id, prize }, at)
}
