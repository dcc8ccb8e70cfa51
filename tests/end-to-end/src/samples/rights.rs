//! What levels entitle to, and how users compare.

use serde_json::{Value, json};

use super::{Names, request_id, text};

/// The writes: a benefit, used and given back in part, and a score in a leaderboard.
pub(super) fn writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let mut samples = benefit_writes(names);
    samples.extend(leaderboard_writes(names));
    samples
}

fn benefit_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let use_id = levels::events::benefit::use_id(names.user, &request_id(names, "use-benefit")).to_string();
    vec![
        (
            "/banyan.levels.v1.BenefitService/PublishBenefit",
            json!({
                "requestId": request_id(names, "benefit"),
                "benefit": {"benefitId": "lounge", "displayName": text(names), "description": text(names),
                    "kind": "BENEFIT_KIND_SERVICE", "schemeId": "member", "ranges": [{"firstRank": 0, "quota": 3}],
                    "period": "BENEFIT_PERIOD_MONTH", "costMinor": "1500"},
            }),
        ),
        (
            "/banyan.levels.v1.BenefitService/UseBenefit",
            json!({"requestId": request_id(names, "use-benefit"), "userId": names.user, "benefitId": "lounge", "count": 2,
                "orderId": names.ids, "reason": names.canary}),
        ),
        (
            "/banyan.levels.v1.BenefitService/GiveBackBenefit",
            json!({"requestId": request_id(names, "give-back-benefit"), "userId": names.user, "useId": use_id,
                "count": 1, "reason": names.canary}),
        ),
    ]
}

fn leaderboard_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    vec![
        (
            "/banyan.levels.v1.LeaderboardService/PublishLeaderboard",
            json!({
                "requestId": request_id(names, "leaderboard"),
                "leaderboard": {"leaderboardId": "coins", "displayName": text(names), "scoreRule": "SCORE_RULE_SUM",
                    "scoreOrder": "SCORE_ORDER_DESCENDING", "seasonRule": "SEASON_RULE_MONTHLY", "zone": "Asia/Shanghai",
                    "prizes": [{"firstPlace": 1, "lastPlace": 3, "pointTypeId": "points", "points": "5"}]},
            }),
        ),
        (
            "/banyan.levels.v1.LeaderboardService/SubmitScore",
            json!({"requestId": request_id(names, "score"), "userId": names.user, "leaderboardId": "coins", "score": "7",
                "display": names.canary}),
        ),
    ]
}

/// The reads.
pub(super) fn reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let user = json!({"userId": names.user});
    vec![
        ("/banyan.levels.v1.BenefitService/GetBenefit", json!({"benefitId": "lounge"})),
        ("/banyan.levels.v1.BenefitService/ListBenefits", json!({})),
        ("/banyan.levels.v1.BenefitService/ListUserBenefits", user.clone()),
        ("/banyan.levels.v1.BenefitService/CheckBenefit", json!({"userId": names.user, "benefitId": "lounge"})),
        ("/banyan.levels.v1.BenefitService/ListBenefitUses", user),
        ("/banyan.levels.v1.LeaderboardService/GetLeaderboard", json!({"leaderboardId": "coins"})),
        ("/banyan.levels.v1.LeaderboardService/ListLeaderboards", json!({})),
        ("/banyan.levels.v1.LeaderboardService/ListSeasons", json!({"leaderboardId": "coins"})),
        ("/banyan.levels.v1.LeaderboardService/ListRanks", json!({"leaderboardId": "coins"})),
        (
            "/banyan.levels.v1.LeaderboardService/ListNeighbours",
            json!({"leaderboardId": "coins", "userId": names.user}),
        ),
        (
            "/banyan.levels.v1.LeaderboardService/ListRanksOf",
            json!({"leaderboardId": "coins", "userIds": [names.user]}),
        ),
        ("/banyan.levels.v1.LeaderboardService/GetRank", json!({"leaderboardId": "coins", "userId": names.user})),
    ]
}
