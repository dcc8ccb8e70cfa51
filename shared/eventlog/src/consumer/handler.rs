use ids::TenantId;
use pg::{StoreError, Tx};
use proto::events::v1::Event;

use crate::Draft;

/// Applies the events of one source to the tables of the service.
pub trait Consume: Send + Sync + 'static {
    /// Its name within the service: the key of its cursors, so it never changes.
    fn name(&self) -> &'static str;

    /// The service whose log it reads.
    fn source(&self) -> &'static str;

    /// The types that it applies. Others pass by unseen.
    fn types(&self) -> &'static [&'static str];

    /// Types that it knows and has nothing to do for. A type in neither list that is marked `must_understand` stops its
    /// partition.
    fn ignores(&self) -> &'static [&'static str] {
        &[]
    }

    /// Applies events of one tenant, in order, inside the transaction that moves the cursor, and answers what is to be
    /// appended to the service's own log. It may be called again for the same events after a rollback, so it has no other
    /// effects than the transaction's, and makes no network calls.
    ///
    /// It does not append by itself: a batch may go on with another tenant's rows, and whoever holds those may be waiting
    /// for the log. The consumer appends for all tenants, last.
    fn apply(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        events: &[Event],
    ) -> impl Future<Output = Result<Vec<Draft>, ApplyError>> + Send;
}

/// Why events were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The store failed. Passing failures are tried again for as long as they last; one that the event's content causes
    /// (a violated constraint, a value out of range) sets the event aside.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// One event cannot be applied, however often it is tried: it is set aside.
    #[error("the event cannot be applied: {reason}")]
    Event {
        /// Which one of those given.
        index: usize,
        /// Why, for operators: no personal data.
        reason: String,
    },
}

impl ApplyError {
    /// Why the events themselves are at fault; `None` where trying the same again later may help.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Self::Event { reason, .. } => Some(reason.clone()),
            Self::Store(StoreError::Constraint { name, .. }) => Some(format!("the constraint {name} refused it")),
            Self::Store(StoreError::Conflict(_) | StoreError::Unavailable(_)) => None,
            Self::Store(error @ StoreError::Unexpected(_)) => {
                // a value out of range, a violated constraint without a name, an error raised on purpose
                let state = error.sqlstate()?;
                let content = ["22", "23", "P0"].iter().any(|class| state.starts_with(class));
                content.then(|| format!("the store refused it ({state})"))
            }
        }
    }
}
