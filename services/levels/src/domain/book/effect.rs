use ids::{Key, UserId};
use time::OffsetDateTime;

use super::{AccountKey, Curtailed, MemberKey};
use crate::domain::account::Account;
use crate::domain::cap::{CapKey, Used};
use crate::domain::entry::Entry;
use crate::domain::hold::Hold;
use crate::domain::member::{LevelMove, Member};
use crate::domain::reward::Carried;

/// Something that happened to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// To whom.
    pub user: UserId,
    /// What.
    pub what: What,
    /// The scheme, and the rank held in it after this: of a move its own, else the main one; `None` where the user is on no
    /// level of it yet.
    pub level: Option<(Key, usize)>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An entry was made.
    Posted {
        /// In the account of this type.
        point_type: Key,
        /// The entry.
        entry: Entry,
        /// What can be spent after it.
        available_after: i64,
    },
    /// A level changed or was renewed.
    Moved {
        /// In this scheme.
        scheme: Key,
        /// Which is not the main one.
        secondary: bool,
        /// The move.
        moved: LevelMove,
    },
    /// A hold was opened or resolved, or something of it was given back.
    Held {
        /// The hold after it.
        hold: Hold,
        /// What was done with it.
        change: HoldChange,
        /// What can be spent after it.
        available_after: i64,
    },
    /// A reward was carried out, or cannot be.
    Rewarded {
        /// The reward.
        reward_id: String,
        /// What came of it.
        carried: Carried,
        /// When that was decided.
        decided_at: OffsetDateTime,
    },
    /// Caps left less than a rule would have given.
    Capped(Curtailed),
}

/// What was done with a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldChange {
    /// It was opened.
    Opened,
    /// Points of it were used.
    Captured {
        /// Number of the entry; 0 where there was nothing to take.
        entry_seq: i64,
        /// What was taken although it was not there.
        debt: i64,
        /// What was not there and is not taken.
        shortfall: i64,
    },
    /// It was let go.
    Released,
    /// Its time was up.
    Expired,
    /// Points were given back.
    GivenBack {
        /// How many this time.
        points: i64,
        /// Number of the entry.
        entry_seq: i64,
        /// When.
        at: OffsetDateTime,
    },
}

/// What is to be written of a book.
#[derive(Debug)]
pub struct Written {
    /// Accounts with new entries.
    pub accounts: Vec<(AccountKey, Account)>,
    /// Members that are new or changed.
    pub members: Vec<(MemberKey, Member)>,
    /// Holds that are new or changed.
    pub holds: Vec<(UserId, Hold)>,
    /// Entries of which more was taken back, and how much in all.
    pub reversals: Vec<(AccountKey, i64, i64)>,
    /// Of which caps more is used, in key order.
    pub caps: Vec<(CapKey, Used)>,
    /// What happened, in order.
    pub effects: Vec<Effect>,
}
