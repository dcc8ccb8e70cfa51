//! Messages of the contract as domain values. Annotations in the contract are checked before a handler is reached; here
//! stands what they can't express, all violations at once.

mod event;
mod programme;

pub(super) use crate::wire::lifecycle::method;
pub(super) use event::{ahead, event, wrong_currency};

pub(super) use programme::{apply_programme, rollback_programme};

use ids::{RequestId, TenantId, UserId};
use prost::Message;
use prost_types::{FieldMask, Timestamp};
use proto::admin::v1 as admin;
use proto::profiles::v1 as pb;
use requests::{Request, body_of};
use status::Violations;
use time::OffsetDateTime;
use tonic::Status;
use units::zone::Zone;

use crate::commands::{
    AdvanceClock, CreateTenant, LinkAlias, ModelsPart, UpdateModels, UpdateProfile, UpdateTenant, UpsertProfile,
};
use crate::domain::insight::{COHORT_MONTHS_MAX, Month};
use crate::domain::lifecycle::Models;
use crate::domain::profile::{Change, Field, Traits};
use crate::domain::tenant::TenantChange;
use crate::wire::lifecycle::{read_rfm, read_stage};

/// The years in which a manual clock may stand.
const CLOCKS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Checks a request's parts and remembers what is wrong with each.
#[derive(Default)]
struct Check(Violations);

impl Check {
    fn fail(&mut self, field: &str, why: impl std::fmt::Display) {
        self.0.add(field, why.to_string());
    }

    fn user(&mut self, field: &str, id: &str) -> Option<UserId> {
        UserId::new(id).map_err(|error| self.fail(field, error)).ok()
    }

    fn tenant(&mut self, field: &str, id: &str) -> Option<TenantId> {
        TenantId::new(id).map_err(|error| self.fail(field, error)).ok()
    }

    fn request<M: Message>(&mut self, user: &str, method: &'static str, id: &str, sent: &M) -> Option<Request> {
        let id = RequestId::new(id).map_err(|error| self.fail("request_id", error)).ok()?;
        Some(Request { user: user.to_owned(), method, id, body: body_of(sent) })
    }

    fn time(&mut self, field: &str, sent: Option<&Timestamp>) -> Option<OffsetDateTime> {
        units::time::from_proto(sent?).map_err(|error| self.fail(field, error)).ok()
    }

    /// Where a sandbox's clock is to begin.
    fn clock(&mut self, field: &str, tenant: &admin::Tenant) -> Option<OffsetDateTime> {
        let clock = self.time(field, tenant.clock.as_ref())?;
        if !tenant.sandbox {
            self.fail(field, "only a sandbox has a manual clock");
        } else if !CLOCKS.contains(&clock.year()) {
            self.fail(field, format!("must lie in the years {} to {}", CLOCKS.start(), CLOCKS.end()));
        }
        Some(clock)
    }

    /// The zone's name in the spelling of the database; empty stays empty.
    fn zone(&mut self, field: &str, name: &str) -> String {
        match Zone::new(name) {
            Ok(zone) => zone.name().to_owned(),
            Err(_) if name.is_empty() => String::new(),
            Err(_) => {
                self.fail(field, "must be a name of the IANA time zone database");
                String::new()
            }
        }
    }

    /// The paths of a mask; empty or `*` means all.
    fn mask<T: Copy>(&mut self, mask: Option<&FieldMask>, known: &[(&str, T)]) -> Vec<T> {
        service::mask(mask, known).unwrap_or_else(|fault| {
            self.fail("update_mask", fault);
            Vec::new()
        })
    }

    /// The value, where nothing was wrong. What is absent without a violation is a required field that a caller of the
    /// bare handler left out.
    fn done<T>(mut self, value: Option<T>) -> Result<T, Status> {
        if value.is_none() && self.0.is_empty() {
            self.fail("", "lacks a required field");
        }
        match (self.0.check(), value) {
            (Ok(()), Some(value)) => Ok(value),
            (Err(violations), _) => Err(violations.into()),
            (Ok(()), None) => Err(Violations::new().into()),
        }
    }
}

/// A time that a read is asked for.
pub(super) fn at(sent: Option<&Timestamp>) -> Result<Option<OffsetDateTime>, Status> {
    let mut check = Check::default();
    let at = check.time("at", sent);
    check.done(Some(at))
}

/// The span of a report.
pub(super) fn span(sent: &pb::GetSalesRequest) -> Result<(Option<OffsetDateTime>, Option<OffsetDateTime>), Status> {
    let mut check = Check::default();
    let span = (check.time("from", sent.from.as_ref()), check.time("to", sent.to.as_ref()));
    if let (Some(from), Some(to)) = span
        && to <= from
    {
        check.fail("to", "must lie after `from`");
    }
    check.done(Some(span))
}

/// The cohorts of a report.
pub(super) fn cohorts(sent: &pb::GetCohortRetentionRequest) -> Result<(Month, Month), Status> {
    let mut check = Check::default();
    let range = Month::parse(&sent.from_month).zip(Month::parse(&sent.to_month));
    if let Some((from, to)) = range
        && !(0..=COHORT_MONTHS_MAX).contains(&(to.index() - from.index()))
    {
        check.fail("to_month", format!("must be `from_month` or at most {COHORT_MONTHS_MAX} months later"));
    }
    check.done(range)
}

/// A new tenant.
pub(super) fn create_tenant(sent: &admin::CreateTenantRequest) -> Result<(TenantId, CreateTenant), Status> {
    let mut check = Check::default();
    let tenant = sent.tenant.clone().unwrap_or_default();
    let id = check.tenant("tenant.tenant_id", &tenant.tenant_id);
    let zone = check.zone("tenant.zone", &tenant.zone);
    if units::money::decimals(&tenant.currency).is_none() {
        check.fail("tenant.currency", "must be the ISO 4217 code of a currency in circulation");
    }
    let clock = check.clock("tenant.clock", &tenant);
    let request = check.request("", "TenantService/CreateTenant", &sent.request_id, sent);
    let command = request.map(|request| CreateTenant {
        request,
        display_name: tenant.display_name,
        zone: if zone.is_empty() { Zone::utc().name().to_owned() } else { zone },
        currency: tenant.currency,
        sandbox: tenant.sandbox,
        clock,
    });
    check.done(id.zip(command))
}

/// A sandbox's clock is to be moved.
pub(super) fn advance_clock(sent: &admin::AdvanceClockRequest) -> Result<(TenantId, AdvanceClock), Status> {
    let mut check = Check::default();
    let id = check.tenant("tenant_id", &sent.tenant_id);
    let to = check.time("to", sent.to.as_ref());
    if to.is_some_and(|to| !CLOCKS.contains(&to.year())) {
        check.fail("to", format!("must lie in the years {} to {}", CLOCKS.start(), CLOCKS.end()));
    }
    let request = check.request("", "TenantService/AdvanceClock", &sent.request_id, sent);
    let command = request.zip(to).map(|(request, to)| AdvanceClock { request, to });
    check.done(id.zip(command))
}

/// Changes of a tenant.
pub(super) fn update_tenant(sent: &admin::UpdateTenantRequest) -> Result<(TenantId, UpdateTenant), Status> {
    let mut check = Check::default();
    let tenant = sent.tenant.clone().unwrap_or_default();
    let id = check.tenant("tenant.tenant_id", &tenant.tenant_id);
    let mut change = TenantChange::default();
    let known = [("display_name", 0), ("zone", 1), ("state", 2)];
    for field in check.mask(sent.update_mask.as_ref(), &known) {
        match field {
            0 => change.display_name = Some(tenant.display_name.clone()),
            1 => {
                let zone = check.zone("tenant.zone", &tenant.zone);
                change.zone = Some(if zone.is_empty() { Zone::utc().name().to_owned() } else { zone });
            }
            _ => {
                change.suspended = match tenant.state() {
                    admin::TenantState::Unspecified => None,
                    admin::TenantState::Active => Some(false),
                    admin::TenantState::Suspended => Some(true),
                }
            }
        }
    }
    let request = check.request("", "TenantService/UpdateTenant", &sent.request_id, sent);
    let command = request.map(|request| UpdateTenant { request, etag: tenant.etag.clone(), change });
    check.done(id.zip(command))
}

fn traits(check: &mut Check, profile: &pb::Profile) -> Traits {
    Traits {
        locale: profile.locale.clone(),
        zone: check.zone("profile.zone", &profile.zone),
        channel: profile.channel.clone(),
        registered_at: check.time("profile.registered_at", profile.registered_at.as_ref()),
        attributes: profile.attributes.clone(),
    }
}

/// A user to be created or added to.
pub(super) fn upsert_profile(sent: &pb::UpsertProfileRequest) -> Result<UpsertProfile, Status> {
    let mut check = Check::default();
    let profile = sent.profile.clone().unwrap_or_default();
    let user_id = check.user("profile.user_id", &profile.user_id);
    let traits = traits(&mut check, &profile);
    let request = check.request(&profile.user_id, "ProfileService/UpsertProfile", &sent.request_id, sent);
    let parts = user_id.zip(request);
    check.done(parts.map(|(user_id, request)| UpsertProfile { request, user_id, etag: profile.etag, traits }))
}

/// Changes of a user.
pub(super) fn update_profile(sent: &pb::UpdateProfileRequest) -> Result<UpdateProfile, Status> {
    let mut check = Check::default();
    let profile = sent.profile.clone().unwrap_or_default();
    let user_id = check.user("profile.user_id", &profile.user_id);
    let known = Field::ALL.map(|field| (field.as_str(), field));
    let fields = check.mask(sent.update_mask.as_ref(), &known);
    let change = Change::Set(traits(&mut check, &profile), fields);
    let request = check.request(&profile.user_id, "ProfileService/UpdateProfile", &sent.request_id, sent);
    let parts = user_id.zip(request);
    check.done(parts.map(|(user_id, request)| UpdateProfile { request, user_id, etag: profile.etag, change }))
}

/// An alias.
pub(super) fn link_alias(sent: &pb::LinkAliasRequest) -> Result<LinkAlias, Status> {
    let mut check = Check::default();
    let ids = check.user("user_id", &sent.user_id).zip(check.user("alias", &sent.alias));
    let request = check.request(&sent.user_id, "ProfileService/LinkAlias", &sent.request_id, sent);
    check.done(ids.zip(request).map(|((user_id, alias), request)| LinkAlias { request, user_id, alias }))
}

/// Changes of the models.
pub(super) fn update_models(sent: &pb::UpdateModelsRequest) -> Result<UpdateModels, Status> {
    let mut check = Check::default();
    let models = sent.models.clone().unwrap_or_default();
    let (stage, rfm) = (models.stage.unwrap_or_default(), models.rfm.unwrap_or_default());
    let parts = check.mask(sent.update_mask.as_ref(), &[("stage", ModelsPart::Stage), ("rfm", ModelsPart::Rfm)]);
    let (mut values, mut found) = (Models::default(), Vec::new());
    if parts.contains(&ModelsPart::Stage) {
        values.stage = read_stage(&stage, &mut found);
    }
    if parts.contains(&ModelsPart::Rfm) {
        values.rfm = read_rfm(&rfm, &mut found);
    }
    found.into_iter().for_each(|violation| check.fail(&format!("models.{}", violation.field), violation.why));
    let request = check.request("", "LifecycleService/UpdateModels", &sent.request_id, sent);
    check.done(request.map(|request| UpdateModels { request, etag: models.etag, models: values, parts }))
}
