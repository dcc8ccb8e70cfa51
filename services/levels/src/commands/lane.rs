//! Postings of many callers in one transaction.

use std::sync::Arc;
use std::time::Duration;

use ids::{Partition, TenantId};
use lanes::{Lanes, Outcomes, Work};
use requests::Encoded;
use service::{Answer, only};

use super::posting::{Call, Posting, answered};
use crate::Levels;
use crate::error::LevelsError;

/// Posts what callers send: together while others wait, or each in a transaction of its own.
#[derive(Clone)]
pub struct Till {
    levels: Arc<Levels>,
    lanes: Option<Lanes<Postings>>,
}

/// The work of the lanes.
struct Postings(Arc<Levels>);

impl Till {
    /// As the settings say.
    pub fn new(levels: Arc<Levels>) -> Self {
        let settings = &levels.settings;
        let batched = settings.batched.then(|| Postings(Arc::clone(&levels)));
        let lanes = batched.map(|work| Lanes::new("levels.postings", work, settings.waiting_max));
        Self { levels, lanes }
    }

    /// Does a call.
    pub async fn post<C: Call>(&self, tenant: &TenantId, call: C) -> Result<Answer<C::Answer>, LevelsError> {
        let Some(lanes) = &self.lanes else { return only(self.levels.post(tenant, &[call]).await?) };
        self.levels.core.meet(tenant).await?;
        let lane = Partition::of(tenant, call.user().as_str());
        answered(lanes.call(tenant, lane, Box::new(call), rt::deadline()).await?)
    }
}

impl Work for Postings {
    type Call = Box<dyn Posting>;
    type Answer = Answer<Encoded>;
    type Error = LevelsError;

    async fn work(&self, tenant: &TenantId, calls: &[Box<dyn Posting>]) -> Result<Outcomes<Self>, LevelsError> {
        let calls: Vec<&dyn Posting> = calls.iter().map(Box::as_ref).collect();
        self.0.post_all(tenant, &calls).await
    }

    fn common(error: &LevelsError) -> bool {
        error.is_common()
    }

    fn flush(&self) -> Duration {
        self.0.core.db.flush_time()
    }
}
