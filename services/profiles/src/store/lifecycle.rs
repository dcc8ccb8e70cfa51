use ids::TenantId;
use pg::StoreError;
use sqlx::PgConnection;

use crate::domain::lifecycle::{Models, StageModel};
use crate::domain::rfm::{Cuts, Method, RfmModel};

struct Row {
    loyal_orders: i32,
    dormant_after_days: i32,
    lost_after_days: i32,
    quintiles: bool,
    window_days: i32,
    recency_days: Vec<i32>,
    frequency_orders: Vec<i32>,
    monetary_minor: Vec<i64>,
    version: i64,
}

impl TryFrom<Row> for Models {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cuts = Cuts {
            recency_days: four(row.recency_days)?,
            frequency_orders: four(row.frequency_orders)?,
            monetary_minor: four(row.monetary_minor)?,
        };
        let method = if row.quintiles { Method::Quintiles } else { Method::Thresholds };
        let Row { loyal_orders, dormant_after_days, lost_after_days, window_days, version, .. } = row;
        let stage = StageModel { loyal_orders, dormant_after_days, lost_after_days };
        Ok(Self { stage, rfm: RfmModel { method, window_days, cuts }, version })
    }
}

/// An array that a check in the table holds to four elements.
pub(super) fn four<T>(values: Vec<T>) -> Result<[T; 4], StoreError> {
    values.try_into().map_err(|_| sqlx::Error::Decode("an array of cuts does not have four elements".into()).into())
}

/// The tenant's models; the defaults where none were set.
pub(crate) async fn read(conn: &mut PgConnection, tenant: &TenantId) -> Result<Models, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select loyal_orders, dormant_after_days, lost_after_days, quintiles, window_days, recency_days,
            frequency_orders, monetary_minor, version
        from lifecycle_model where tenant_id = $1",
        tenant.as_str()
    );
    row.fetch_optional(conn).await?.map_or(Ok(Models::default()), Models::try_from)
}

/// Writes all of the tenant's models.
pub(crate) async fn write(conn: &mut PgConnection, tenant: &TenantId, models: &Models) -> Result<(), StoreError> {
    let Models { stage, rfm, version } = models;
    sqlx::query!(
        "insert into lifecycle_model (tenant_id, loyal_orders, dormant_after_days, lost_after_days, quintiles,
            window_days, recency_days, frequency_orders, monetary_minor, version)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (tenant_id) do update set loyal_orders = excluded.loyal_orders,
            dormant_after_days = excluded.dormant_after_days, lost_after_days = excluded.lost_after_days,
            quintiles = excluded.quintiles, window_days = excluded.window_days,
            recency_days = excluded.recency_days, frequency_orders = excluded.frequency_orders,
            monetary_minor = excluded.monetary_minor, version = excluded.version",
        tenant.as_str(),
        stage.loyal_orders,
        stage.dormant_after_days,
        stage.lost_after_days,
        rfm.method == Method::Quintiles,
        rfm.window_days,
        &rfm.cuts.recency_days[..],
        &rfm.cuts.frequency_orders[..],
        &rfm.cuts.monetary_minor[..],
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}
