use sqlx::Error;

/// Why the database did not do what was asked, by what a caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A named constraint refused the change: the service turns names it knows into refusals.
    #[error("the constraint {name} refused the change")]
    Constraint {
        /// Name of the constraint or unique index.
        name: String,
        /// What the driver said.
        source: Error,
    },
    /// Lost against a concurrent transaction (serialisation failure, deadlock, lock not free in time). Nothing was
    /// written; a whole new attempt may succeed.
    #[error("lost against a concurrent transaction")]
    Conflict(#[source] Error),
    /// The database could not be reached or did not finish in time. Whether a commit took effect is unknown.
    #[error("the database is unavailable")]
    Unavailable(#[source] Error),
    /// A bug of ours, or a database set up wrongly.
    #[error("the database answered in an unexpected way")]
    Unexpected(#[source] Error),
}

impl StoreError {
    /// Name of the violated constraint.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { name, .. } => Some(name),
            Self::Conflict(_) | Self::Unavailable(_) | Self::Unexpected(_) => None,
        }
    }

    /// Whether a whole new attempt at once, without asking the caller, is right.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Constraint { .. } | Self::Unavailable(_) | Self::Unexpected(_) => false,
        }
    }

    /// Whether the same work may succeed later without anybody changing anything: a consumer backs off on these and
    /// sets nothing aside.
    pub fn passing(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::Unavailable(_) => true,
            Self::Constraint { .. } | Self::Unexpected(_) => false,
        }
    }

    /// The same failure, to be answered by a new attempt: for a constraint whose violation means that a concurrent
    /// transaction was first, so that the next attempt finds its row.
    pub fn into_conflict(self) -> Self {
        match self {
            Self::Constraint { source, .. }
            | Self::Conflict(source)
            | Self::Unavailable(source)
            | Self::Unexpected(source) => Self::Conflict(source),
        }
    }

    /// The five characters by which Postgres names the failure.
    pub fn sqlstate(&self) -> Option<String> {
        match self {
            Self::Constraint { source, .. }
            | Self::Conflict(source)
            | Self::Unavailable(source)
            | Self::Unexpected(source) => sqlstate(source),
        }
    }
}

impl From<Error> for StoreError {
    fn from(source: Error) -> Self {
        let Some(db) = source.as_database_error() else {
            return match source {
                Error::PoolTimedOut
                | Error::PoolClosed
                | Error::WorkerCrashed
                | Error::BeginFailed
                | Error::Io(_)
                | Error::Tls(_)
                | Error::Protocol(_) => Self::Unavailable(source),
                other => Self::Unexpected(other),
            };
        };
        let code = db.code().unwrap_or_default();
        match code.as_ref() {
            "40001" | "40P01" | "55P03" => Self::Conflict(source),
            // cancelled (statement_timeout), idle in transaction, a server that takes no writes
            "57014" | "25P03" | "25006" => Self::Unavailable(source),
            // connection, resources, shutdown, system: a change of ours is not at fault
            code if ["08", "53", "57P", "58"].iter().any(|class| code.starts_with(class)) => Self::Unavailable(source),
            code if code.starts_with("23") => match db.constraint().map(str::to_owned) {
                Some(name) => Self::Constraint { name, source },
                None => Self::Unexpected(source),
            },
            _ => Self::Unexpected(source),
        }
    }
}

pub(crate) fn sqlstate(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
