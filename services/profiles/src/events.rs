//! The entries of this service's log.

use eventlog::{Draft, derive};
use ids::EventId;
use proto::admin::v1::Tenant;
use proto::events::v1::{EventMode, FactValue, Facts, fact_value::Value};
use proto::profiles::v1 as pb;
use requests::Request;
use time::OffsetDateTime;
use units::time::to_proto;

use crate::domain::event::{Happened, Mode, Origin, Told};
use crate::domain::lifecycle::{Standing, day, stage};
use crate::domain::profile::{Field, Profile};
use crate::domain::stage_hold::StageMove;
use crate::domain::tenant::Terms;
use crate::domain::user::Snapshot;
use crate::wire;

/// The stage model's name in events.
const MODEL: &str = "ecommerce";

/// What a report about a user made true.
pub(crate) fn told(terms: &Terms, user: &str, told: &Told) -> Draft {
    let currency = terms.currency.as_str();
    let make = Entry { terms, user, told };
    match &told.happened {
        Happened::UserCreated => make.draft(&pb::ProfileChanged { created: true, fields: Vec::new() }),
        Happened::OrderCreated(basket) => make.draft(&pb::OrderCreated { order: Some(wire::order(basket, currency)) }),
        Happened::OrderPaid { basket, first } => {
            make.draft(&pb::OrderPaid { order: Some(wire::order(basket, currency)), first_order: *first })
        }
        Happened::OrderCompleted { basket, first } => {
            make.draft(&pb::OrderCompleted { order: Some(wire::order(basket, currency)), first_order: *first })
        }
        Happened::OrderCancelled { basket, released } => make.draft(&pb::OrderCancelled {
            order: Some(wire::order(basket, currency)),
            released: Some(units::money::to_proto(*released, currency)),
        }),
        Happened::OrderRefunded { refund, refunded_total, order_total } => make.draft(&pb::OrderRefunded {
            refund: Some(wire::refund(refund, currency)),
            refunded_total: Some(units::money::to_proto(*refunded_total, currency)),
            order_total: Some(units::money::to_proto(*order_total, currency)),
        }),
        Happened::Visited { seconds } => make.draft(&pb::UserVisited { duration_seconds: *seconds }),
    }
}

struct Entry<'a> {
    terms: &'a Terms,
    user: &'a str,
    told: &'a Told,
}

impl Entry<'_> {
    fn draft<P: eventlog::EventPayload>(&self, payload: &P) -> Draft {
        let Self { terms, user, told } = self;
        let occurred_at = told.origin.occurred_at;
        let draft = Draft::new(*user, reported(told.event_id()), payload, occurred_at)
            .facts(facts(terms, &told.user, occurred_at))
            .mode(mode(told.origin.mode))
            .site(told.origin.site.clone());
        match told.implied {
            Some(_) => draft.part_of(reported(told.origin.event_id.clone())),
            None => draft,
        }
    }
}

/// The id of what a report made true.
fn reported(id: String) -> EventId {
    EventId::new(id).expect("a reporter's id and a suffix fit into an event id")
}

/// A user went to another stage; as part of the report that made it so, if one did.
pub(crate) fn stage_moved(
    terms: &Terms,
    (user, now): (&str, &Snapshot),
    moved: &StageMove,
    origin: Option<&Origin>,
) -> Draft {
    let payload = pb::StageMoved {
        model_id: MODEL.to_owned(),
        from_stage: moved.from.as_str().to_owned(),
        to_stage: moved.to.as_str().to_owned(),
    };
    let event_id = derive(user, "stage", u32::try_from(moved.seq).unwrap_or(u32::MAX));
    let draft = Draft::new(user, event_id, &payload, terms.now).facts(facts(terms, now, terms.now));
    match origin {
        Some(origin) => {
            draft.mode(mode(origin.mode)).site(origin.site.clone()).part_of(reported(origin.event_id.clone()))
        }
        None => draft,
    }
}

/// A user was created or changed by a call.
pub(crate) fn profile_changed(
    terms: &Terms,
    request: &Request,
    profile: &Profile,
    created: bool,
    fields: &[Field],
) -> Draft {
    let fields = fields.iter().map(|field| field.as_str().to_owned()).collect();
    about(terms, request, profile, &pb::ProfileChanged { created, fields })
}

/// An id became an alias of a user.
pub(crate) fn alias_linked(terms: &Terms, request: &Request, profile: &Profile, alias: &str) -> Draft {
    about(terms, request, profile, &pb::ProfileAliasLinked { alias: alias.to_owned() })
}

/// The tenant was created or changed.
pub(crate) fn tenant_changed(request: &Request, tenant: Tenant, at: OffsetDateTime) -> Draft {
    Draft::new("", id(request), &pb::TenantChanged { tenant: Some(tenant) }, at)
}

/// What a tenant has been for long, for services that never heard of it.
pub(crate) fn tenant_told(tenant: Tenant, at: OffsetDateTime) -> Draft {
    let id = derive(&tenant.tenant_id, "told", 0);
    Draft::new("", id, &pb::TenantChanged { tenant: Some(tenant) }, at)
}

/// A sandbox's clock was moved: the tenant's `version` tells its steps apart.
pub(crate) fn clock_advanced(tenant: Tenant, version: i64, at: OffsetDateTime) -> Draft {
    let id = derive(&tenant.tenant_id, "clock", u32::try_from(version).unwrap_or(u32::MAX));
    Draft::new("", id, &pb::TenantChanged { tenant: Some(tenant) }, at)
}

/// The tenant's models were changed.
pub(crate) fn models_changed(request: &Request, models: pb::Models, at: OffsetDateTime) -> Draft {
    Draft::new("", id(request), &pb::LifecycleModelsChanged { models: Some(models) }, at)
}

/// A version of the programme came into force.
pub(crate) fn programme_applied(request: &Request, version: i32, restored_version: i32, at: OffsetDateTime) -> Draft {
    Draft::new("", id(request), &pb::ProgrammeApplied { version, restored_version }, at)
}

fn about<P: eventlog::EventPayload>(terms: &Terms, request: &Request, profile: &Profile, payload: &P) -> Draft {
    let at = profile.update_time;
    Draft::new(profile.user_id.clone(), id(request), payload, at).facts(facts(terms, &profile.snapshot(), at))
}

/// The same for the same request, and another for every other.
fn id(request: &Request) -> EventId {
    derive(request.id.as_str(), &format!("{}\0{}", request.method, request.user), 0)
}

fn mode(mode: Mode) -> EventMode {
    match mode {
        Mode::Facts => EventMode::Facts,
        Mode::FactsEarn => EventMode::FactsEarn,
        Mode::Live => EventMode::Live,
    }
}

/// What rules may know of a user at a moment.
fn facts(terms: &Terms, user: &Snapshot, at: OffsetDateTime) -> Facts {
    let standing = Standing::of(user, &terms.zone, at);
    let today = day(&terms.zone, at);
    let stage = stage(&terms.stage, &standing, today);
    let registered_at = user.registered_at.filter(|registered| *registered <= at);
    let registered = registered_at.map(|registered| day(&terms.zone, registered));
    let time = |at: OffsetDateTime| Value::Time(to_proto(at));
    let known = [
        ("user.stage", Some(Value::Text(stage.as_str().to_owned()))),
        ("user.orders", Some(Value::Number(user.spend.orders))),
        ("user.net_spend_minor", Some(Value::Number(user.spend.net))),
        ("user.currency", Some(Value::Text(terms.currency.clone()))),
        ("user.first_order_at", user.spend.first_at.map(time)),
        ("user.last_order_at", user.spend.last_at.map(time)),
        ("user.registered_at", registered_at.map(time)),
        ("user.registered_days", registered.map(|day| Value::Number((today - day).whole_days()))),
        ("user.registered_month", registered.map(|day| Value::Number(u8::from(day.month()).into()))),
    ];
    let values = known.into_iter().filter(|(_, value)| value.is_some());
    Facts { values: values.map(|(name, value)| (name.to_owned(), FactValue { value })).collect() }
}
