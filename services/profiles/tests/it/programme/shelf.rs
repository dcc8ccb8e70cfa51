//! Owners that can be broken at will in the place of the other services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ids::TenantId;
use profiles::domain::programme::Kind;
use profiles::domain::programme::violation::Violation;
use profiles::error::ProfilesError;
use profiles::owners::{Checked, Deed, Definition, NotPublished, Owners, Publication, bundle, definitions};
use prost_reflect::{ReflectMessage as _, Value};
use proto::feedback::v1::Classification;
use proto::incentives::v1::{CampaignSettings, CampaignState};
use proto::levels::v1::{ChangedPolicy, PolicyReach};
use proto::programme::v1::ProgrammeBundle;
use tokio::sync::Semaphore;
use tonic::Status;

/// How the next publication but some breaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Break {
    /// It is not carried out.
    Before,
    /// It is, and its answer is lost.
    After,
    /// Its owner says no.
    Refused,
}

/// What is in force, and what was done for it.
pub(super) struct Shelf {
    in_force: Mutex<Vec<Definition>>,
    /// By request id: how often the call came.
    calls: Mutex<BTreeMap<String, u32>>,
    breaks: Mutex<Option<(u32, Break)>>,
    pub(super) gate: Semaphore,
    /// Names of definitions in the order in which something was done with them, and by whom.
    pub(super) done: Mutex<Vec<(Deed, String, String)>>,
}

impl Shelf {
    pub(super) fn new() -> Arc<Self> {
        // what always is in force
        let defaults = ProgrammeBundle {
            campaign_settings: Some(CampaignSettings::default()),
            classification: Some(Classification::default()),
            ..ProgrammeBundle::default()
        };
        Arc::new(Self {
            in_force: Mutex::new(definitions(&defaults)),
            calls: Mutex::default(),
            breaks: Mutex::default(),
            gate: Semaphore::new(1_000),
            done: Mutex::default(),
        })
    }

    pub(super) fn break_at(&self, place: u32, how: Break) {
        *self.breaks.lock().unwrap() = Some((place, how));
    }

    /// What is in force, with versions and states.
    pub(super) fn in_force(&self) -> ProgrammeBundle {
        bundle(&self.in_force.lock().unwrap())
    }

    /// Has another subject approve every campaign.
    pub(super) fn approve_all(&self) {
        let mut all = self.in_force();
        for campaign in &mut all.campaigns {
            campaign.approved_version = campaign.version;
            if campaign.state() == CampaignState::Draft {
                campaign.set_state(CampaignState::Running);
            }
        }
        *self.in_force.lock().unwrap() = definitions(&all);
    }

    fn carry_out(&self, publication: Publication) {
        let Publication { deed, definition, author } = publication;
        self.done.lock().unwrap().push((deed, definition.name(), author));
        let mut in_force = self.in_force.lock().unwrap();
        let key = definition.key();
        let place = in_force.iter().position(|old| old.key() == key);
        let number = |old: &Definition, field: &str| match old.message.get_field_by_name(field).as_deref() {
            Some(Value::I32(number)) => *number,
            Some(Value::EnumNumber(number)) => *number,
            _ => 0,
        };
        let state = |it: Definition, state: CampaignState| it.with("state", Value::EnumNumber(state.into()));
        let next = match (deed, place.map(|place| in_force[place].clone())) {
            (Deed::Pause, Some(old)) => state(old, CampaignState::Paused),
            (Deed::Resume, Some(old)) => state(old, CampaignState::Running),
            (_, old) => {
                let mut next = definition.clone();
                if next.message.descriptor().get_field_by_name("version").is_some() {
                    next = next.with("version", Value::I32(old.as_ref().map_or(0, |old| number(old, "version")) + 1));
                }
                match old {
                    Some(old) if next.kind == Kind::Campaign => next
                        .with("state", Value::EnumNumber(number(&old, "state")))
                        .with("approved_version", Value::I32(number(&old, "approved_version"))),
                    None if next.kind == Kind::Campaign => state(next, CampaignState::Draft),
                    old if next.kind == Kind::PointType => {
                        assert_eq!(deed == Deed::Change, old.is_some(), "what is there is changed, else created");
                        next.with("etag", Value::String("v".into()))
                    }
                    _ => next,
                }
            }
        };
        match place {
            Some(place) => in_force[place] = next,
            None => in_force.push(next),
        }
    }

    /// Number of point types, versions of rules and scheme: how often each was published.
    pub(super) fn versions(&self) -> (usize, Vec<i32>, Option<i32>) {
        let in_force = self.in_force();
        let rules = in_force.earning_rules.iter().map(|rule| rule.version).collect();
        (in_force.point_types.len(), rules, in_force.scheme.as_ref().map(|scheme| scheme.version))
    }
}

impl Owners for Shelf {
    fn check<'a>(&'a self, _: &'a TenantId, wanted: Vec<Definition>) -> BoxFuture<'a, Result<Checked, ProfilesError>> {
        let wrong = |(place, rule): (usize, &proto::levels::v1::EarningRule)| {
            let field = format!("bundle.earning_rules[{place}].formula");
            (rule.formula == "1 +").then(|| Violation { field, why: "cannot be read".into() })
        };
        let violations = bundle(&wanted).earning_rules.iter().enumerate().filter_map(wrong).collect();
        async move { Ok(Checked { definitions: wanted, violations }) }.boxed()
    }

    /// As levels would: what lapses when counts for later earnings, and what only counts cannot be moved.
    fn touched<'a>(
        &'a self,
        _: &'a TenantId,
        wanted: Definition,
    ) -> BoxFuture<'a, Result<Result<Vec<ChangedPolicy>, String>, ProfilesError>> {
        let wanted = bundle(&[wanted]).point_types.remove(0);
        let old =
            self.in_force().point_types.into_iter().find(|old| old.point_type_id == wanted.point_type_id).unwrap();
        let touched = match (wanted.transfers, old.expiry_count == wanted.expiry_count) {
            (Some(_), _) => Err("POINT_TYPE_NOT_SPENDABLE: it only counts".to_owned()),
            (None, true) => Ok(vec![]),
            (None, false) => {
                Ok(vec![ChangedPolicy { field: "expiry_policy".into(), reach: PolicyReach::LaterEarnings.into() }])
            }
        };
        async move { Ok(touched) }.boxed()
    }

    fn in_force<'a>(&'a self, _: &'a TenantId) -> BoxFuture<'a, Result<Vec<Definition>, ProfilesError>> {
        async move { Ok(self.in_force.lock().unwrap().clone()) }.boxed()
    }

    fn publish<'a>(
        &'a self,
        _: &'a TenantId,
        request_id: String,
        publication: Publication,
    ) -> BoxFuture<'a, Result<(), NotPublished>> {
        async move {
            let _passed = self.gate.acquire().await.unwrap();
            let how = match &mut *self.breaks.lock().unwrap() {
                Some((0, how)) => Some(*how),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
                None => None,
            };
            if how.is_some() {
                *self.breaks.lock().unwrap() = None;
            }
            let lost = || NotPublished::Unsettled(ProfilesError::Peer(Box::new(Status::unavailable("lost"))));
            match how {
                Some(Break::Before) => return Err(lost()),
                Some(Break::Refused) => return Err(NotPublished::Refused("NO".into())),
                _ => {}
            }
            let calls = *self.calls.lock().unwrap().entry(request_id).and_modify(|calls| *calls += 1).or_insert(1);
            if calls == 1 {
                self.carry_out(publication);
            }
            if how == Some(Break::After) { Err(lost()) } else { Ok(()) }
        }
        .boxed()
    }
}
