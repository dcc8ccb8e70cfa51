//! Why calls are refused.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Why a call was refused after looking at what is stored. Recorded with the request of a write, so that a late duplicate
/// gets the same answer: the names are stored and never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The tenant has a point type with this id.
    #[error("a point type with this id exists")]
    PointTypeExists {
        /// The point type.
        point_type_id: String,
    },
    /// The tenant has no such point type.
    #[error("there is no such point type")]
    PointTypeNotFound {
        /// The point type.
        point_type_id: String,
    },
    /// The point type only counts.
    #[error("this point type cannot be spent")]
    PointTypeNotSpendable {
        /// The point type.
        point_type_id: String,
    },
    /// Less is there than was asked for.
    #[error("the balance is too low")]
    BalanceShort {
        /// What could be spent.
        available: i64,
        /// What was asked for.
        amount: i64,
    },
    /// The account's balance or growth would exceed the most that an account holds.
    #[error("the balance would exceed its limit")]
    BalanceOverflow {
        /// What was to be added.
        amount: i64,
    },
    /// Caps of the point type leave nothing.
    #[error("nothing more can be earned now")]
    EarningCapped {
        /// The point type.
        point_type_id: String,
        /// When they leave something again.
        #[serde(with = "time::serde::rfc3339::option")]
        frees_at: Option<OffsetDateTime>,
    },
    /// The tenant has no such rule.
    #[error("there is no such rule")]
    EarningRuleNotFound {
        /// The rule.
        rule_id: String,
    },
    /// The member has no such grant, or it has ended.
    #[error("there is no such grant of a level")]
    LevelGrantNotFound {
        /// The grant.
        grant_id: String,
    },
    /// The member has as many grants as there may be.
    #[error("the member has too many grants of levels")]
    LevelGrantLimit {
        /// How many.
        limit: usize,
    },
    /// The member's level is not locked.
    #[error("the level is not locked")]
    LevelNotLocked,
    /// The tenant has no such scheme.
    #[error("there is no such scheme")]
    SchemeNotFound {
        /// The scheme.
        scheme_id: String,
    },
    /// The tenant has as many schemes as it may.
    #[error("the tenant has too many schemes")]
    SchemeLimit {
        /// How many.
        limit: usize,
    },
    /// What has not lapsed of points that can be spent was to count for levels.
    #[error("what has not lapsed of points that can be spent cannot count for levels")]
    PointTypeSpendable {
        /// The point type.
        point_type_id: String,
    },
    /// The user has no such hold.
    #[error("there is no such hold")]
    HoldNotFound {
        /// The hold.
        hold_id: String,
    },
    /// Nothing was captured yet.
    #[error("the hold is still open")]
    HoldOpen {
        /// The hold.
        hold_id: String,
    },
    /// The hold was captured.
    #[error("the hold was captured already")]
    HoldCaptured {
        /// The hold.
        hold_id: String,
    },
    /// The hold was released.
    #[error("the hold was released")]
    HoldReleased {
        /// The hold.
        hold_id: String,
    },
    /// The hold timed out.
    #[error("the hold has timed out")]
    HoldExpired {
        /// The hold.
        hold_id: String,
    },
    /// More was to be captured than is held.
    #[error("more was asked for than is held")]
    HoldExceeded {
        /// What is held.
        held: i64,
        /// What was asked for.
        amount: i64,
    },
    /// More was to be given back than was captured.
    #[error("more was to be given back than was captured")]
    GiveBackExceeded {
        /// What was captured.
        captured: i64,
        /// What was asked for.
        amount: i64,
    },
    /// The tenant has no such benefit.
    #[error("there is no such benefit")]
    BenefitNotFound {
        /// The benefit.
        benefit_id: String,
    },
    /// The scheme has no such level.
    #[error("there is no such level")]
    LevelNotFound {
        /// The scheme.
        scheme_id: String,
        /// The level.
        rank: usize,
    },
    /// The tenant has as many benefits as it may.
    #[error("the tenant has too many benefits")]
    BenefitLimit {
        /// How many.
        limit: usize,
    },
    /// The benefit is cosmetic or a restriction.
    #[error("this benefit has no uses to count")]
    BenefitNotCounted {
        /// The benefit.
        benefit_id: String,
    },
    /// The benefit is paused, or not valid at this time.
    #[error("the benefit is not in force")]
    BenefitNotInForce {
        /// The benefit.
        benefit_id: String,
    },
    /// The user's level does not hold the benefit.
    #[error("the level does not hold this benefit")]
    BenefitNotHeld {
        /// The benefit.
        benefit_id: String,
        /// The next level that does.
        needed_rank: Option<usize>,
    },
    /// Less is left of the quota than was asked for.
    #[error("not enough uses of the benefit are left")]
    BenefitQuotaShort {
        /// The benefit.
        benefit_id: String,
        /// What is left.
        left: i64,
        /// What was asked for.
        count: i64,
        /// When a new period begins.
        #[serde(with = "time::serde::rfc3339::option")]
        renew_time: Option<OffsetDateTime>,
    },
    /// The user has no such use.
    #[error("there is no such use of a benefit")]
    BenefitUseNotFound {
        /// The use.
        use_id: String,
    },
    /// More was to be given back than was used.
    #[error("more was to be given back than was used")]
    BenefitGiveBackExceeded {
        /// What was used.
        used: i64,
        /// What was asked for.
        count: i64,
    },
    /// The tenant has no such leaderboard.
    #[error("there is no such leaderboard")]
    LeaderboardNotFound {
        /// The leaderboard.
        leaderboard_id: String,
    },
    /// The tenant has as many leaderboards as it may.
    #[error("the tenant has too many leaderboards")]
    LeaderboardLimit {
        /// How many.
        limit: usize,
    },
    /// Another version of a leaderboard would change what is fixed.
    #[error("this part of a leaderboard cannot be changed")]
    LeaderboardFixed {
        /// The leaderboard.
        leaderboard_id: String,
        /// What.
        field: String,
    },
    /// The leaderboard has no such season, or none that runs now.
    #[error("there is no such season")]
    SeasonNotFound {
        /// The leaderboard.
        leaderboard_id: String,
        /// The season; empty: the one that runs now.
        season_id: String,
    },
    /// No season was running when a score was reached.
    #[error("no season was running")]
    SeasonNotRunning {
        /// The leaderboard.
        leaderboard_id: String,
    },
    /// The season of a score has ended.
    #[error("the season is over")]
    SeasonOver {
        /// The season.
        season_id: String,
    },
    /// A sum of scores would exceed what can be ordered.
    #[error("the score would exceed its limit")]
    ScoreOverflow,
    /// The account has as many open holds as it may.
    #[error("the account has too many open holds")]
    HoldLimit {
        /// How many.
        limit: usize,
    },
    /// The account has no such entry.
    #[error("there is no such entry")]
    EntryNotFound {
        /// Its number.
        entry_seq: i64,
    },
    /// The entry is undone in another way.
    #[error("the entry is undone in another way")]
    EntryNotReversible {
        /// Its number.
        entry_seq: i64,
        /// What undoes it: `order`, `reward`, `hold`, or `none`.
        by: String,
    },
    /// More was to be taken back than is left of an entry.
    #[error("more was to be taken back than is left of the entry")]
    ReversalExceeded {
        /// The number of the entry.
        entry_seq: i64,
        /// What is left of it.
        left: i64,
        /// What was asked for; 0: all.
        amount: i64,
    },
    /// Users move nothing of this type to others.
    #[error("points of this type are not transferred")]
    TransfersOff {
        /// The point type.
        point_type_id: String,
    },
    /// More was to be moved than may be.
    #[error("more was to be moved than may be")]
    TransferLimit {
        /// What the limit is for: `transfer` or `day`.
        period: String,
        /// The limit.
        limit: i64,
        /// What may be moved now.
        left: i64,
        /// What was asked for.
        amount: i64,
    },
    /// The tenant has no such adjustment.
    #[error("there is no such adjustment")]
    AdjustmentNotFound {
        /// The adjustment.
        adjustment_id: String,
    },
    /// The adjustment was decided.
    #[error("the adjustment was decided already")]
    AdjustmentDecided {
        /// The adjustment.
        adjustment_id: String,
        /// `applied` or `rejected`.
        state: String,
    },
    /// Whoever asked for an adjustment can't approve it.
    #[error("whoever asked for the adjustment cannot approve it")]
    ApproverIsRequester {
        /// The adjustment.
        adjustment_id: String,
    },
    /// The tenant has no such quest.
    #[error("there is no such quest")]
    QuestNotFound {
        /// The quest.
        quest_id: String,
    },
    /// Another version of a quest would change what is fixed.
    #[error("this part of a quest cannot be changed")]
    QuestFixed {
        /// The quest.
        quest_id: String,
        /// What.
        field: String,
    },
    /// The quest is paused, or not valid at this time.
    #[error("the quest is not in force")]
    QuestNotInForce {
        /// The quest.
        quest_id: String,
    },
    /// The quest starts by itself.
    #[error("users do not start this quest")]
    QuestNotByUser {
        /// The quest.
        quest_id: String,
    },
    /// The user's level does not have the quest.
    #[error("the level does not have this quest")]
    QuestLocked {
        /// The quest.
        quest_id: String,
    },
    /// The user has started the quest.
    #[error("the quest was started already")]
    QuestStarted {
        /// The quest.
        quest_id: String,
        /// When it can be started again; `None`: never.
        #[serde(with = "time::serde::rfc3339::option")]
        again_at: Option<OffsetDateTime>,
    },
    /// The tenant has no such badge.
    #[error("there is no such badge")]
    BadgeNotFound {
        /// The badge.
        badge_id: String,
    },
    /// The user does not hold the badge.
    #[error("the user does not hold this badge")]
    BadgeNotHeld {
        /// The badge.
        badge_id: String,
    },
    /// The tenant has no such streak.
    #[error("there is no such streak")]
    StreakNotFound {
        /// The streak.
        streak_id: String,
    },
    /// The streak is paused, or not valid at this time.
    #[error("the streak is not in force")]
    StreakNotInForce {
        /// The streak.
        streak_id: String,
    },
    /// The user has checked in for this day.
    #[error("checked in already")]
    CheckedIn {
        /// The day.
        day: String,
        /// When the user can do so again.
        #[serde(with = "time::serde::rfc3339::option")]
        again_at: Option<OffsetDateTime>,
    },
    /// The user has made up for as many days this month as may be.
    #[error("no more days can be made up for this month")]
    MakeUpLimit {
        /// How many.
        limit: i32,
    },
    /// The day cannot be made up for.
    #[error("this day cannot be made up for")]
    MakeUpDay {
        /// The day.
        day: String,
        /// Why: `checked_in`, `too_early` or `not_past`.
        why: String,
    },
    /// The tenant has as many definitions of a kind as it may.
    #[error("the tenant has too many definitions")]
    DefinitionLimit {
        /// The kind: `quest`, `badge` or `streak`.
        kind: String,
        /// How many.
        limit: usize,
    },
    /// A log has no such event at a place.
    #[error("there is no such event")]
    EventNotFound {
        /// The partition.
        partition: i32,
        /// Its number in it.
        seq: i64,
    },
    /// The tenant has no such job.
    #[error("there is no such job")]
    JobNotFound {
        /// The job.
        job_id: String,
    },
    /// The job is in a state in which this is not done.
    #[error("the state of the job does not allow it")]
    JobStateWrong {
        /// The job.
        job_id: String,
        /// Its state.
        state: String,
    },
    /// A job has as many lines, or a tenant as many jobs, as it may.
    #[error("too many jobs, or too many lines")]
    JobLimit {
        /// `lines` or `jobs`.
        of: String,
        /// How many.
        limit: i64,
    },
    /// The number of a line stands for another one.
    #[error("the number stands for another line")]
    JobLineTaken {
        /// The number.
        line_no: i64,
    },
    /// The job has no lines.
    #[error("the job has no lines")]
    JobEmpty,
    /// What the job did is not taken back.
    #[error("the job cannot be recalled")]
    JobNotRecallable,
    /// Whoever asked for a job can't approve it.
    #[error("whoever asked for the job cannot approve it")]
    JobApproverIsRequester {
        /// The job.
        job_id: String,
    },
    /// A line failed for no reason that says anything about it.
    #[error("the line could not be carried out")]
    JobLineBroken,
    /// There is nothing of what was to be voided.
    #[error("there is nothing to void")]
    NothingToVoid,
    /// The account has entries, so it is not opened any more.
    #[error("the account has entries already")]
    AccountTouched {
        /// How many.
        entries: i64,
    },
    /// The account was opened by another job.
    #[error("the account was opened by another job")]
    OpeningExists {
        /// The job.
        job_id: String,
    },
    /// What is brought along has lapsed.
    #[error("it has lapsed already")]
    OpeningLapsed {
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        expires_at: OffsetDateTime,
    },
    /// The growth supports another level than the one that is brought along.
    #[error("the growth does not support the level")]
    OpeningLevelUnsupported {
        /// The level.
        rank: usize,
        /// The level that the growth supports; `None`: the scheme does not measure this point type.
        supported_rank: Option<usize>,
        /// The growth.
        growth: i64,
    },
    /// What was read is stale.
    #[error("it was changed since it was read")]
    EtagMismatch {
        /// The etag that it has now.
        etag: String,
    },
}
