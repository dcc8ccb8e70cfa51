//! The sandbox tenant of an input.

use anyhow::bail;
use proto::admin::v1::{CreateTenantRequest, GetTenantRequest, Tenant};
use time::OffsetDateTime;
use tonic::Code;

use super::calls::{Calls, call, told};

/// The tenant as it is, or a new one; a new one has a clock of its own where it is told at what time that begins. Refuses one
/// with another currency or zone: its figures would mix.
pub(crate) async fn find_or_create(
    calls: &Calls,
    id: &str,
    (zone, currency): (&str, &str),
    clock: Option<OffsetDateTime>,
) -> anyhow::Result<Tenant> {
    let get = GetTenantRequest { tenant_id: id.to_owned() };
    let found = match call!(calls, tenants, get_tenant, get) {
        Ok(response) => response.tenant,
        Err(status) if status.code() == Code::NotFound => create(calls, id, (zone, currency), clock).await?,
        Err(status) => return told(Err(status), "GetTenant"),
    };
    let Some(tenant) = found else { bail!("the suite answered without a tenant") };
    if tenant.currency != currency || tenant.zone != zone {
        bail!(
            "the tenant `{id}` exists with currency {} and zone {}: name another one with --tenant",
            tenant.currency,
            tenant.zone
        );
    }
    if tenant.clock.is_some() != clock.is_some() {
        bail!("the tenant `{id}` exists and is not one of this input: name another one with --tenant");
    }
    Ok(tenant)
}

async fn create(
    calls: &Calls,
    id: &str,
    (zone, currency): (&str, &str),
    clock: Option<OffsetDateTime>,
) -> anyhow::Result<Option<Tenant>> {
    let request = CreateTenantRequest {
        request_id: format!("demo:{id}"),
        tenant: Some(Tenant {
            tenant_id: id.to_owned(),
            display_name: format!("Demo {id}"),
            zone: zone.to_owned(),
            currency: currency.to_owned(),
            sandbox: true,
            clock: clock.map(units::time::to_proto),
            ..Tenant::default()
        }),
    };
    Ok(told(call!(calls, tenants, create_tenant, request), "CreateTenant")?.tenant)
}
