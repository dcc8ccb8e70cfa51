use serde_json::{Value, json};

use super::{Names, request_id, text};

/// What changes accounts at once.
pub(super) fn postings(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let reversed = format!("reversed-{}-{}", names.user, names.ids);
    vec![
        (
            "/banyan.levels.v1.PointsService/Earn",
            json!({"requestId": request_id(names, "earn"), "userId": names.user,
            "pointTypeId": "points", "amount": "100", "reason": names.canary, "orderId": names.ids}),
        ),
        (
            "/banyan.levels.v1.PointsService/Spend",
            json!({"requestId": request_id(names, "spend"),
            "userId": names.user, "pointTypeId": "points", "amount": "30", "reason": names.canary}),
        ),
        // of a user whom no event is about, so that the entry's number is known
        (
            "/banyan.levels.v1.PointsService/Earn",
            json!({"requestId": request_id(names, "earn-2"), "userId": reversed, "pointTypeId": "points",
            "amount": "5"}),
        ),
        (
            "/banyan.levels.v1.PointsService/ReverseEntry",
            json!({"requestId": request_id(names, "reverse"), "userId": reversed, "pointTypeId": "points",
            "entrySeq": "1", "amount": "1", "reason": names.canary}),
        ),
        (
            "/banyan.levels.v1.PointsService/Transfer",
            json!({"requestId": request_id(names, "transfer"), "userId": names.user,
            "toUserId": format!("friend-of-{}", names.user), "pointTypeId": "points", "amount": "2",
            "reason": names.canary}),
        ),
    ]
}

/// Two adjustments that need approval: one is approved, the other rejected.
pub(super) fn adjustment_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let adjust = |what: &str, amount: &str| {
        json!({"requestId": request_id(names, what), "userId": names.user, "pointTypeId": "points", "amount": amount,
            "reason": names.canary})
    };
    vec![
        ("/banyan.levels.v1.AdjustmentService/AdjustPoints", adjust("adjust-1", "20")),
        (
            "/banyan.levels.v1.AdjustmentService/ApproveAdjustment",
            json!({"requestId": request_id(names, "approve"), "adjustmentId": adjustment_id(names, "adjust-1")}),
        ),
        ("/banyan.levels.v1.AdjustmentService/AdjustPoints", adjust("adjust-2", "-15")),
        (
            "/banyan.levels.v1.AdjustmentService/RejectAdjustment",
            json!({"requestId": request_id(names, "reject"), "adjustmentId": adjustment_id(names, "adjust-2"),
                "note": names.canary}),
        ),
    ]
}

/// The id of an adjustment that [`adjustment_writes`] asks for.
fn adjustment_id(names: &Names<'_>, what: &str) -> String {
    ::levels::commands::adjustment_id(names.user, &request_id(names, what)).to_string()
}

/// The id of a hold that [`hold_writes`] opens.
fn hold_id(names: &Names<'_>, what: &str) -> String {
    ::levels::commands::hold_id(names.user, &request_id(names, what)).to_string()
}

/// Two holds: one is captured and given back in part, the other released.
pub(super) fn hold_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let hold = |what: &str, amount: &str| {
        json!({"requestId": request_id(names, what), "userId": names.user, "pointTypeId": "points", "amount": amount,
            "ttlSeconds": 900, "reason": names.canary, "orderId": names.ids})
    };
    vec![
        ("/banyan.levels.v1.PointsService/HoldPoints", hold("hold-1", "20")),
        (
            "/banyan.levels.v1.PointsService/CaptureHold",
            json!({"requestId": request_id(names, "capture"), "userId": names.user, "holdId": hold_id(names, "hold-1"),
                "amount": "15", "reason": names.canary}),
        ),
        (
            "/banyan.levels.v1.PointsService/GiveBack",
            json!({"requestId": request_id(names, "give-back"), "userId": names.user,
                "holdId": hold_id(names, "hold-1"), "amount": "5", "reason": names.canary}),
        ),
        ("/banyan.levels.v1.PointsService/HoldPoints", hold("hold-2", "10")),
        (
            "/banyan.levels.v1.PointsService/ReleaseHold",
            json!({"requestId": request_id(names, "release"), "userId": names.user,
                "holdId": hold_id(names, "hold-2")}),
        ),
    ]
}

/// A benefit, used and given back in part.
pub(super) fn benefit_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let use_id = ::levels::events::benefit::use_id(names.user, &request_id(names, "use-benefit")).to_string();
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

/// A level that is granted, ended, locked and unlocked.
pub(super) fn level_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let granted = ::levels::commands::grant_id(names.user, &request_id(names, "grant")).to_string();
    let act = |what: &str| json!({"requestId": request_id(names, what), "userId": names.user, "schemeId": "member", "reason": names.canary});
    let with = |mut act: Value, more: Value| {
        if let (Some(act), Some(more)) = (act.as_object_mut(), more.as_object()) {
            act.extend(more.clone());
        }
        act
    };
    vec![
        (
            "/banyan.levels.v1.LevelGrantService/GrantLevel",
            with(act("grant"), json!({"rank": 1, "kind": "LEVEL_GRANT_KIND_INVITATION"})),
        ),
        ("/banyan.levels.v1.LevelGrantService/EndLevelGrant", with(act("end-grant"), json!({"grantId": granted}))),
        ("/banyan.levels.v1.LevelGrantService/LockLevel", with(act("lock"), json!({"rank": 0}))),
        ("/banyan.levels.v1.LevelGrantService/UnlockLevel", act("unlock")),
    ]
}

/// A leaderboard, and a score in it.
pub(super) fn leaderboard_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
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

/// A badge, a quest and a streak, and what a user does with them.
pub(super) fn goal_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let bonus = json!({"points": [{"pointTypeId": "points", "points": "5"}], "badgeId": "runner", "badgeTier": 1});
    let yesterday = time::OffsetDateTime::now_utc().date() - time::Duration::DAY;
    vec![
        (
            "/banyan.levels.v1.BadgeService/PublishBadge",
            json!({
                "requestId": request_id(names, "badge"),
                "badge": {"badgeId": "runner", "displayName": text(names), "description": text(names),
                    "iconUrl": "https://example.com/runner.png", "tiers": [{"displayName": text(names)}]},
            }),
        ),
        (
            "/banyan.levels.v1.BadgeService/AwardBadge",
            json!({"requestId": request_id(names, "award"), "userId": names.user, "badgeId": "runner", "tier": 1,
                "reason": names.canary}),
        ),
        (
            "/banyan.levels.v1.BadgeService/RevokeBadge",
            json!({"requestId": request_id(names, "revoke"), "userId": names.user, "badgeId": "runner",
                "reason": names.canary}),
        ),
        (
            "/banyan.levels.v1.QuestService/PublishQuest",
            json!({
                "requestId": request_id(names, "quest"),
                "quest": {"questId": "welcome", "displayName": text(names), "description": text(names),
                    "steps": [{"displayName": text(names), "eventType": "order.completed",
                        "expression": "order.total_minor >= 100", "formula": "order.total_minor / 100", "target": "9"}],
                    "period": "QUEST_PERIOD_DAYS", "periodDays": 7, "zone": "Asia/Shanghai",
                    "recurrence": "QUEST_RECURRENCE_PERIOD_END", "start": "QUEST_START_BY_USER", "bonus": bonus,
                    "reversal": "QUEST_REVERSAL_TAKE_BACK", "costCentre": names.canary},
            }),
        ),
        (
            "/banyan.levels.v1.QuestService/StartQuest",
            json!({"requestId": request_id(names, "start-quest"), "userId": names.user, "questId": "welcome"}),
        ),
        (
            "/banyan.levels.v1.StreakService/PublishStreak",
            json!({
                "requestId": request_id(names, "streak"),
                "streak": {"streakId": "daily", "displayName": text(names), "zone": "Asia/Shanghai", "forgivenDays": 1,
                    "makeUpsPerMonth": 3, "makeUpDays": 31,
                    "milestones": [{"length": 1, "repeats": true, "bonus": bonus}]},
            }),
        ),
        (
            "/banyan.levels.v1.StreakService/CheckIn",
            json!({"requestId": request_id(names, "check-in"), "userId": names.user, "streakId": "daily"}),
        ),
        (
            "/banyan.levels.v1.StreakService/MakeUpCheckIn",
            json!({"requestId": request_id(names, "make-up"), "userId": names.user, "streakId": "daily",
                "day": yesterday.to_string()}),
        ),
    ]
}

/// The id of a job that [`job_writes`] creates.
fn job_id(names: &Names<'_>, what: &str) -> String {
    ::levels::events::job::job_id(&request_id(names, what)).to_string()
}

/// Three jobs: one is carried out and recalled, one stopped and gone on with, one rejected.
pub(super) fn job_writes(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let create = |what: &str| {
        let job = json!({"kind": "POINTS_JOB_KIND_ADJUST", "title": names.canary, "reason": names.canary,
            "controls": [{"pointTypeId": "points", "lines": "1", "points": "20", "growth": "20"}]});
        ("/banyan.levels.v1.PointsJobService/CreateJob", json!({"requestId": request_id(names, what), "job": job}))
    };
    let add = |what: &str| {
        let line = json!({"lineNo": "1", "userId": names.user, "pointTypeId": "points", "amount": "20"});
        let request_id = request_id(names, &format!("{what}-lines"));
        (
            "/banyan.levels.v1.PointsJobService/AddJobLines",
            json!({"requestId": request_id, "jobId": job_id(names, what), "lines": [line]}),
        )
    };
    let change = |path: &'static str, what: &str, then: &str| {
        (path, json!({"requestId": request_id(names, &format!("{what}-{then}")), "jobId": job_id(names, what)}))
    };
    vec![
        create("job-1"),
        add("job-1"),
        (
            "/banyan.levels.v1.PointsJobService/AddJobSegment",
            json!({"requestId": request_id(names, "job-1-segment"), "jobId": job_id(names, "job-1"),
                "segment": {"holders": {"pointTypeId": "points", "availableMin": "1000000"}},
                "line": {"pointTypeId": "points", "amount": "1"}}),
        ),
        change("/banyan.levels.v1.PointsJobService/SubmitJob", "job-1", "submit"),
        change("/banyan.levels.v1.PointsJobService/ApproveJob", "job-1", "approve"),
        change("/banyan.levels.v1.PointsJobService/RetryJob", "job-1", "retry"),
        change("/banyan.levels.v1.PointsJobService/RecallJob", "job-1", "recall"),
        create("job-2"),
        change("/banyan.levels.v1.PointsJobService/CancelJob", "job-2", "cancel"),
        change("/banyan.levels.v1.PointsJobService/ResumeJob", "job-2", "resume"),
        create("job-3"),
        add("job-3"),
        change("/banyan.levels.v1.PointsJobService/SubmitJob", "job-3", "submit"),
        change("/banyan.levels.v1.PointsJobService/RejectJob", "job-3", "reject"),
    ]
}

/// What reads the programme, accounts and levels.
pub(super) fn reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let user = json!({"userId": names.user});
    let points = json!({"userId": names.user, "pointTypeId": "points"});
    let hold = json!({"userId": names.user, "holdId": hold_id(names, "hold-1")});
    vec![
        ("/banyan.levels.v1.PointsService/GetPointType", json!({"pointTypeId": "points"})),
        ("/banyan.levels.v1.PointsService/ListPointTypes", json!({})),
        ("/banyan.levels.v1.PointsService/GetBalance", points.clone()),
        ("/banyan.levels.v1.PointsService/ListEntries", points),
        ("/banyan.levels.v1.PointsService/GetHold", hold),
        ("/banyan.levels.v1.PointsService/ListHolds", user.clone()),
        ("/banyan.levels.v1.PointsService/GetCirculation", json!({"pointTypeId": "points"})),
        ("/banyan.levels.v1.PointsService/VerifyLedger", json!({})),
        (
            "/banyan.levels.v1.PointsReportService/ListExpiring",
            json!({"pointTypeId": "points", "withinDays": 30, "fromDay": "2026-03-31"}),
        ),
        ("/banyan.levels.v1.PointsReportService/SummarizeExpiring", json!({"pointTypeId": "points", "withinDays": 92})),
        (
            "/banyan.levels.v1.PointsReportService/GetFinanceStatement",
            json!({"pointTypeId": "points", "fromMonth": "2026-01", "untilMonth": "2026-12"}),
        ),
        (
            "/banyan.levels.v1.AdjustmentService/GetAdjustment",
            json!({"adjustmentId": adjustment_id(names, "adjust-1")}),
        ),
        ("/banyan.levels.v1.AdjustmentService/ListAdjustments", json!({"state": "ADJUSTMENT_STATE_REJECTED"})),
        ("/banyan.levels.v1.PointsJobService/PreviewJob", json!({"jobId": job_id(names, "job-2")})),
        ("/banyan.levels.v1.PointsJobService/GetJob", json!({"jobId": job_id(names, "job-1")})),
        ("/banyan.levels.v1.PointsJobService/ListJobs", json!({"state": "JOB_STATE_REJECTED"})),
        ("/banyan.levels.v1.PointsJobService/ListJobLines", json!({"jobId": job_id(names, "job-1")})),
        ("/banyan.levels.v1.PointsJobService/GetReconciliation", json!({"jobId": job_id(names, "job-1")})),
        ("/banyan.levels.v1.EarningRuleService/GetEarningRule", json!({"ruleId": "one-per-yuan"})),
        ("/banyan.levels.v1.EarningRuleService/ListEarningRules", json!({})),
        ("/banyan.levels.v1.EarningRuleService/BacktestEarning", json!({"eventType": "order.completed"})),
        (
            "/banyan.levels.v1.EarningRuleService/DryRunEarning",
            json!({"userId": names.user, "eventType": "order.completed",
                "order": {"orderId": "tried", "total": {"currencyCode": "CNY", "units": "100"}},
                "facts": {"values": {"user.stage": {"text": "repeat"}}}}),
        ),
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

/// What reads schemes and members.
pub(super) fn level_reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    let member = json!({"userId": names.user, "schemeId": "member"});
    vec![
        ("/banyan.levels.v1.LevelService/GetScheme", json!({"schemeId": "member"})),
        ("/banyan.levels.v1.LevelService/ListSchemes", json!({})),
        ("/banyan.levels.v1.LevelService/GetMember", member.clone()),
        ("/banyan.levels.v1.LevelService/GetStanding", json!({"userId": names.user})),
        ("/banyan.levels.v1.LevelService/ExplainLevel", member.clone()),
        (
            "/banyan.levels.v1.LevelService/SimulateScheme",
            json!({"scheme": {"schemeId": "member", "displayName": text(names), "pointTypeId": "points",
                "levels": [{"rank": 0, "displayName": text(names)}, {"rank": 1, "displayName": text(names), "threshold": "1"}]},
                "movesMax": 10}),
        ),
        ("/banyan.levels.v1.LevelService/ListLevelMoves", member.clone()),
        ("/banyan.levels.v1.LevelGrantService/ListLevelActs", member),
        ("/banyan.levels.v1.LevelService/CountMembers", json!({"schemeId": "member"})),
    ]
}

/// What reads badges, quests, check-ins and what they come to.
pub(super) fn goal_reads(names: &Names<'_>) -> Vec<(&'static str, Value)> {
    vec![
        ("/banyan.levels.v1.BadgeService/GetBadge", json!({"badgeId": "runner"})),
        ("/banyan.levels.v1.BadgeService/ListBadges", json!({})),
        ("/banyan.levels.v1.BadgeService/ListUserBadges", json!({"userId": names.user})),
        ("/banyan.levels.v1.QuestService/GetQuest", json!({"questId": "welcome"})),
        ("/banyan.levels.v1.QuestService/ListQuests", json!({})),
        ("/banyan.levels.v1.QuestService/ListQuestProgress", json!({"userId": names.user})),
        ("/banyan.levels.v1.QuestService/GetQuestProgress", json!({"userId": names.user, "questId": "welcome"})),
        ("/banyan.levels.v1.StreakService/GetStreak", json!({"streakId": "daily"})),
        ("/banyan.levels.v1.StreakService/ListStreaks", json!({})),
        ("/banyan.levels.v1.StreakService/GetCalendar", json!({"userId": names.user, "streakId": "daily"})),
        ("/banyan.levels.v1.ResultCardService/GetResultCard", json!({"userId": names.user, "period": "2001"})),
    ]
}
