//! Page tokens of the lists.

use ids::TenantId;
use page::{BadToken, Tokens, args_hash};

use crate::error::LevelsError;

/// A list with its arguments: what its tokens are bound to.
pub(super) struct List<'a> {
    tokens: &'a Tokens,
    name: &'static str,
    args: [u8; 16],
}

impl<'a> List<'a> {
    /// The list of a method, such as `PointsService/ListEntries`.
    pub(super) fn new(tokens: &'a Tokens, name: &'static str, tenant: &TenantId, args: &[&str]) -> Self {
        Self { tokens, name, args: args_hash(tenant, args.iter().map(|arg| arg.as_bytes())) }
    }

    /// The key in a token; `None` for the first page.
    pub(super) fn open<const N: usize>(&self, token: &str) -> Result<Option<[String; N]>, LevelsError> {
        if token.is_empty() {
            return Ok(None);
        }
        let key = self.tokens.open(self.name, self.args, token)?;
        Ok(Some(key.try_into().map_err(|_| BadToken)?))
    }

    /// As [`List::open`], for lists in the order of a number.
    pub(super) fn open_number(&self, token: &str) -> Result<Option<i64>, LevelsError> {
        let Some([key]) = self.open(token)? else { return Ok(None) };
        Ok(Some(key.parse().map_err(|_| BadToken)?))
    }

    /// The token of the next page; empty on the last.
    pub(super) fn next(&self, key: Option<Vec<String>>) -> String {
        key.map_or_else(String::new, |key| self.tokens.seal(self.name, self.args, &key))
    }
}
