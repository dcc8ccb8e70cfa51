//! What operators published that decides on cases.

use std::collections::BTreeMap;

use super::case_type::CaseType;
use super::classification::Classification;
use super::sla_policy::Policies;

/// What decides on cases.
#[derive(Debug, Default)]
pub struct Rulebook {
    /// How cases are classified.
    pub classification: Classification,
    /// The newest versions of all types, by their ids.
    pub case_types: BTreeMap<String, CaseType>,
    /// When cases are due: all versions, as each case goes by one of them.
    pub policies: Policies,
}
