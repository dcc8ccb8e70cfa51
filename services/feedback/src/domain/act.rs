//! Several cases that are handled together, each act after the other.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::case::{Case, CaseKey, Dealing, Dealt};
use super::entry::{Message, Resolution};
use super::handling::Correction;
use super::refusal::Refusal;
use super::rulebook::Rulebook;

/// What is done with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Corrects the classification.
    Correct(Correction),
    /// Gives it to an operator, or to nobody.
    Assign {
        /// The operator; empty: nobody.
        assignee: String,
        /// The department that it goes to; empty: stays.
        department: String,
    },
    /// Adds an internal note.
    Note,
    /// Answers the user.
    Answer,
    /// Gives an interim answer and promises the next.
    Promise {
        /// By when.
        until: OffsetDateTime,
    },
    /// Asks the user something and waits.
    AwaitUser,
    /// The user's next message.
    Reply,
    /// Ends it.
    Resolve(Resolution),
    /// Opens it again.
    Reopen,
    /// The user's answer to how satisfied they are, 1 to 5.
    Rate(i16),
}

impl Act {
    /// Whether its user does it, and so sees the answer.
    pub fn by_user(&self) -> bool {
        matches!(self, Self::Reply | Self::Reopen | Self::Rate(_))
    }

    /// The type that it names; empty: none.
    pub fn case_type(&self) -> &str {
        match self {
            Self::Correct(correction) => &correction.case_type,
            _ => "",
        }
    }
}

/// What decides on acts that come together.
#[derive(Debug)]
pub struct Handling<'a> {
    /// What operators published.
    pub rules: &'a Rulebook,
    /// The cases as they are now, all that the acts name and that there are.
    pub cases: BTreeMap<CaseKey, Case>,
}

impl Handling<'_> {
    /// Does something with a case. A refused act changes nothing.
    pub fn handle(
        &mut self,
        key: &CaseKey,
        act: &Act,
        message: Message,
        clock: OffsetDateTime,
    ) -> Result<Dealt, Refusal> {
        let Some(case) = self.cases.get(key) else {
            return Err(Refusal::CaseNotFound { case_id: key.1.to_string() });
        };
        let case_type = self.rules.case_types.get(act.case_type());
        if case_type.is_none() && !act.case_type().is_empty() {
            return Err(Refusal::CaseTypeNotFound { case_type_id: act.case_type().to_owned() });
        }
        let important_from = self.rules.classification.important_from;
        let mut dealing = Dealing::take_up(case.clone(), &self.rules.policies, clock);
        match act {
            Act::Correct(correction) => dealing.correct(correction, case_type, important_from, message),
            Act::Assign { assignee, department } => dealing.assign(assignee, department, message),
            Act::Note => dealing.note(message),
            Act::Answer => dealing.answer(message)?,
            Act::Promise { until } => dealing.promise(*until, message)?,
            Act::AwaitUser => dealing.await_user(message)?,
            Act::Reply => dealing.reply(message)?,
            Act::Resolve(resolution) => dealing.resolve(*resolution, message)?,
            Act::Reopen => dealing.reopen(message)?,
            Act::Rate(score) => dealing.rate(*score, message)?,
        }
        let (case, entries) = dealing.close();
        self.cases.insert(key.clone(), case.clone());
        Ok((case, entries))
    }
}
