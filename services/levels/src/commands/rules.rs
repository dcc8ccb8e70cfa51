use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ids::TenantId;
use pg::StoreError;

use crate::domain::claim::Rule;
use crate::domain::earning::{Compiled, EarningRule};

/// Versions of rules held in memory; more than a process meets between two deployments.
const RULES_MAX: usize = 10_000;

type Version = (TenantId, String, i32);

/// Conditions and formulas that have been read. A version never changes, so what is held is never stale.
#[derive(Debug, Default)]
pub struct RuleCache(Mutex<HashMap<Version, Arc<Compiled>>>);

impl RuleCache {
    /// The rules, read.
    pub(crate) fn compile(&self, tenant: &TenantId, rules: Vec<EarningRule>) -> Result<Vec<Rule>, StoreError> {
        rules.into_iter().map(|rule| self.compile_one(tenant, rule)).collect()
    }

    fn compile_one(&self, tenant: &TenantId, rule: EarningRule) -> Result<Rule, StoreError> {
        let version = (tenant.clone(), rule.id.to_string(), rule.version);
        if let Some(compiled) = self.lock().get(&version) {
            return Ok(Rule { rule: Arc::new(rule), compiled: Arc::clone(compiled) });
        }
        let compiled = Arc::new(rule.compile().map_err(|_| unreadable(&rule))?);
        let mut held = self.lock();
        if held.len() >= RULES_MAX {
            held.clear();
        }
        held.insert(version, Arc::clone(&compiled));
        Ok(Rule { rule: Arc::new(rule), compiled })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Version, Arc<Compiled>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rule that was readable when it was published: a bug, or an older release runs. Events wait rather than earn nothing.
fn unreadable(rule: &EarningRule) -> StoreError {
    tracing::error!(rule = %rule.id, version = rule.version, "a published rule cannot be read");
    StoreError::Unexpected(sqlx::Error::Decode("a published rule cannot be read".into()))
}
