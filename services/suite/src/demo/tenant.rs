//! The sandbox tenant of an input.

use anyhow::bail;
use proto::admin::v1::{CreateTenantRequest, GetTenantRequest, Tenant};
use tonic::Code;

use super::calls::{Calls, told};

/// The tenant as it is, or a new one. Refuses one with another currency or zone: its figures would mix.
pub(crate) async fn find_or_create(calls: &Calls, id: &str, zone: &str, currency: &str) -> anyhow::Result<Tenant> {
    let get = || {
        let mut client = calls.tenants();
        async move { client.get_tenant(GetTenantRequest { tenant_id: id.to_owned() }).await }
    };
    let found = match calls.patiently(get).await {
        Ok(response) => response.tenant,
        Err(status) if status.code() == Code::NotFound => create(calls, id, zone, currency).await?,
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
    Ok(tenant)
}

async fn create(calls: &Calls, id: &str, zone: &str, currency: &str) -> anyhow::Result<Option<Tenant>> {
    let request = CreateTenantRequest {
        request_id: format!("demo:{id}"),
        tenant: Some(Tenant {
            tenant_id: id.to_owned(),
            display_name: format!("Demo {id}"),
            zone: zone.to_owned(),
            currency: currency.to_owned(),
            sandbox: true,
            ..Tenant::default()
        }),
    };
    let create = || {
        let (mut client, request) = (calls.tenants(), request.clone());
        async move { client.create_tenant(request).await }
    };
    Ok(told(calls.patiently(create).await, "CreateTenant")?.tenant)
}
