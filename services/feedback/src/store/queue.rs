//! Cases that are not resolved, the nearest deadline first.

use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;

use super::case_row::read_cases;
use crate::domain::case::{Case, CaseState};
use crate::domain::queue::{Filter, Place};
use crate::domain::triage::Quadrant;

/// The cases after a place.
pub async fn list(
    conn: &mut PgConnection,
    tenant: &TenantId,
    filter: &Filter,
    after: &Place,
    limit: i64,
) -> Result<Vec<Case>, StoreError> {
    let (state, quadrant) = (filter.state.map(CaseState::code), filter.quadrant.map(Quadrant::code));
    match (&filter.assignee, filter.department.as_str()) {
        (Some(assignee), department) => {
            read_cases!(
                conn,
                "where tenant_id = $1 and assignee_id = $2 and state <> 4
                    and (queue_at, user_id, case_id) > ($3, $4, $5) and ($6 = '' or department = $6)
                    and ($7::smallint is null or state = $7) and ($8::smallint is null or quadrant = $8)
                    order by queue_at, user_id, case_id limit $9",
                tenant.as_str(),
                assignee,
                after.queue_at,
                after.user_id,
                after.case_id,
                department,
                state,
                quadrant,
                limit
            )
        }
        (None, "") => {
            read_cases!(
                conn,
                "where tenant_id = $1 and state <> 4 and (queue_at, user_id, case_id) > ($2, $3, $4)
                    and ($5::smallint is null or state = $5) and ($6::smallint is null or quadrant = $6)
                    order by queue_at, user_id, case_id limit $7",
                tenant.as_str(),
                after.queue_at,
                after.user_id,
                after.case_id,
                state,
                quadrant,
                limit
            )
        }
        (None, department) => {
            read_cases!(
                conn,
                "where tenant_id = $1 and department = $2 and state <> 4
                    and (queue_at, user_id, case_id) > ($3, $4, $5)
                    and ($6::smallint is null or state = $6) and ($7::smallint is null or quadrant = $7)
                    order by queue_at, user_id, case_id limit $8",
                tenant.as_str(),
                department,
                after.queue_at,
                after.user_id,
                after.case_id,
                state,
                quadrant,
                limit
            )
        }
    }
}
