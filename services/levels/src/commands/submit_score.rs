use ids::{Key, TenantId, UserId};
use pg::Tx;
use proto::levels::v1::SubmitScoreResponse;
use requests::{Keep, Request};
use service::{Answer, Batch, Decided, only};
use status::Violations;
use time::{Duration, OffsetDateTime};
use units::time::to_proto;

use crate::domain::book::Programme;
use crate::domain::leaderboard::ranking::Submitted;
use crate::domain::leaderboard::{ScoreOrder, Season};
use crate::domain::refusal::Refusal;
use crate::error::LevelsError;
use crate::{Levels, store, wire};

/// How far a caller's clock may be ahead; what lies there counts as now.
const AHEAD_MAX: Duration = Duration::minutes(1);

/// Takes a score of a user.
#[derive(Debug, Clone)]
pub struct SubmitScore {
    /// Makes it idempotent, for ever.
    pub request: Request,
    /// The user: a canonical id or an alias.
    pub user: UserId,
    /// Where it counts.
    pub leaderboard: Key,
    /// The score.
    pub score: i64,
    /// When it was reached; `None`: now.
    pub occurred_at: Option<OffsetDateTime>,
    /// What the user is shown as; empty: as before.
    pub display: String,
}

/// What a score came to.
struct Taken {
    season: Season,
    order: ScoreOrder,
    submitted: Submitted,
    before: Option<i64>,
}

impl Levels {
    /// See `LeaderboardService.SubmitScore`.
    pub async fn submit_score(
        &self,
        tenant: &TenantId,
        command: &SubmitScore,
    ) -> Result<Answer<SubmitScoreResponse>, LevelsError> {
        pg::retrying("submit_score", || self.submit_score_once(tenant, command)).await
    }

    #[tracing::instrument(name = "submit_score", skip_all, fields(leaderboard = %command.leaderboard))]
    async fn submit_score_once(
        &self,
        tenant: &TenantId,
        command: &SubmitScore,
    ) -> Result<Answer<SubmitScoreResponse>, LevelsError> {
        let mut tx = self.core.write(tenant).await?;
        let user = mirror::resolve(&mut tx, tenant, [&command.user]).await?.meant(&command.user);
        let programme = self.programme.held(&mut tx, tenant).await?;
        store::season::keep_open(&mut tx, tenant, &command.leaderboard).await?;
        store::score::lock(&mut tx, tenant, &command.leaderboard, &user).await?;
        let batch = Batch::<SubmitScoreResponse, Refusal>::look_up(&mut tx, tenant, vec![&command.request]).await?;
        if batch.open().is_empty() {
            return only(batch.outcomes());
        }
        let clock = self.programme.decide(&self.core, &mut tx, tenant, &programme).await?;
        check(command, clock).map_err(LevelsError::Invalid)?;
        let outcome = decide(&mut tx, tenant, &programme, (&user, command), clock).await?;
        if let Ok(taken) = &outcome {
            let key = (&command.leaderboard, taken.season.id.as_str());
            store::season::open(&mut tx, tenant, &command.leaderboard, &taken.season).await?;
            store::score::write(&mut tx, tenant, key, &taken.submitted.score, taken.before).await?;
        }
        let decided = vec![Decided { user, drafts: Vec::new(), outcome }];
        let answer = |_, taken: Taken, position| SubmitScoreResponse {
            season: Some(wire::leaderboard::season(&taken.season)),
            score: taken.order.key(taken.submitted.score.rank_key),
            attained_time: Some(to_proto(taken.submitted.score.attained_at)),
            counted: taken.submitted.counted,
            position: Some(position),
        };
        only(batch.finish(&self.core, tx, tenant, Keep::Forever, decided, answer).await?)
    }
}

/// What is wrong with it in the light of the clock: not recorded, so that the call can be corrected.
fn check(command: &SubmitScore, clock: OffsetDateTime) -> Result<(), Violations> {
    let mut violations = Violations::new();
    if command.occurred_at.is_some_and(|at| at > clock + AHEAD_MAX) {
        violations.add("occurred_at", "must not lie in the future");
    }
    violations.check()
}

/// Decides what a score does in the season that it was reached in.
async fn decide(
    tx: &mut Tx,
    tenant: &TenantId,
    programme: &Programme,
    (user, command): (&UserId, &SubmitScore),
    clock: OffsetDateTime,
) -> Result<Result<Taken, Refusal>, LevelsError> {
    let leaderboard_id = || command.leaderboard.to_string();
    let Some(leaderboard) = programme.leaderboards.get(&command.leaderboard) else {
        return Ok(Err(Refusal::LeaderboardNotFound { leaderboard_id: leaderboard_id() }));
    };
    let at = command.occurred_at.map_or(clock, |at| at.min(clock));
    let Some(season) = leaderboard.season_at(at) else {
        return Ok(Err(Refusal::SeasonNotRunning { leaderboard_id: leaderboard_id() }));
    };
    if season.end.is_some_and(|end| end <= clock) {
        return Ok(Err(Refusal::SeasonOver { season_id: season.id }));
    }
    let key = (&command.leaderboard, season.id.as_str());
    let known = store::score::read(tx, tenant, key, &[user.as_str()]).await?.pop();
    let before = known.as_ref().map(|score| score.rank_key);
    let submitted = match leaderboard.submit(user, known, (command.score, at), &command.display) {
        Ok(submitted) => submitted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(Ok(Taken { season, order: leaderboard.score_order, submitted, before }))
}
