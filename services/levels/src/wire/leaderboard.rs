//! Leaderboards, their seasons and who stands where.

use proto::levels::v1 as pb;
use time::OffsetDateTime;
use units::time::to_proto;

use super::{at, text};
use crate::domain::leaderboard::ranking::Score;
use crate::domain::leaderboard::{Leaderboard, PlacePrize, Prize, Season};

/// A leaderboard.
pub fn leaderboard(it: &Leaderboard) -> pb::Leaderboard {
    let dates = |it: &Season| pb::SeasonDates {
        season_id: it.id.clone(),
        start_time: Some(to_proto(it.start)),
        end_time: at(it.end),
    };
    let prize = |it: &PlacePrize| pb::PlacePrize {
        first_place: small(it.first_place),
        last_place: small(it.last_place),
        point_type_id: it.point_type.to_string(),
        points: it.points,
    };
    pb::Leaderboard {
        leaderboard_id: it.id.to_string(),
        display_name: text(&it.display_name),
        score_rule: it.score_rule.code().into(),
        score_order: it.score_order.code().into(),
        season_rule: it.season_rule.code().into(),
        seasons: it.seasons.iter().map(dates).collect(),
        zone: it.zone.name().to_owned(),
        prizes: it.prizes.iter().map(prize).collect(),
        listed_places: it.listed_places.map_or(0, small),
        masked: it.masked,
        version: it.version,
        publish_time: Some(to_proto(it.publish_time)),
    }
}

/// A season.
pub fn season(it: &Season) -> pb::Season {
    pb::Season {
        season_id: it.id.clone(),
        start_time: Some(to_proto(it.start)).filter(|_| it.start > OffsetDateTime::UNIX_EPOCH),
        end_time: at(it.end),
        closed: it.closed,
    }
}

/// A user at a place. `known`: to whom it is shown, or by whom it was named.
pub fn ranked(leaderboard: &Leaderboard, it: &Score, place: i64, known: bool) -> pb::RankedUser {
    let hidden = leaderboard.masked && !known;
    pb::RankedUser {
        place,
        user_id: if hidden { String::new() } else { it.user.to_string() },
        name: leaderboard.name(it, known),
        score: leaderboard.score_order.key(it.rank_key),
        attained_time: Some(to_proto(it.attained_at)),
    }
}

/// What a place got.
pub fn prize(it: &Prize) -> pb::SeasonPrize {
    pb::SeasonPrize {
        place: it.place,
        point_type_id: it.point_type.to_string(),
        points: it.points,
        entry_seq: it.entry_seq,
    }
}

/// A place: at most a million.
fn small(place: i64) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}
