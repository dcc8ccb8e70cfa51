use ids::TenantId;
use page::{BadToken, Tokens, args_hash};
use proto::common::v1::ErrorReason;
use time::OffsetDateTime;
use tonic::{Code, Status};

/// Rows of a page and the key after which the next one begins; `None`: the last page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T, K> {
    /// The rows.
    pub rows: Vec<T>,
    /// The key of the last row, where there are more.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Of one row more than the page holds, if there are so many.
    pub fn of(mut rows: Vec<T>, size: i64, key: impl Fn(&T) -> K) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}

/// A list with its arguments: what its page tokens are bound to.
pub struct List<'a> {
    tokens: &'a Tokens,
    name: &'static str,
    args: [u8; 16],
}

impl<'a> List<'a> {
    /// The list of a method, such as `PointsService/ListEntries`, with every argument but page size and token.
    pub fn new(tokens: &'a Tokens, name: &'static str, tenant: &TenantId, args: &[&str]) -> Self {
        Self { tokens, name, args: args_hash(tenant, args.iter().map(|arg| arg.as_bytes())) }
    }

    /// A list across tenants, without arguments.
    pub fn across(tokens: &'a Tokens, name: &'static str) -> Self {
        Self { tokens, name, args: [0; 16] }
    }

    /// The key in a token; `None` for the first page.
    pub fn open<const N: usize>(&self, token: &str) -> Result<Option<[String; N]>, Status> {
        if token.is_empty() {
            return Ok(None);
        }
        let key = self.tokens.open(self.name, self.args, token).map_err(refused)?;
        Ok(Some(key.try_into().map_err(|_| refused(BadToken))?))
    }

    /// As [`List::open`], for lists in the order of a number.
    pub fn open_number(&self, token: &str) -> Result<Option<i64>, Status> {
        let Some([key]) = self.open(token)? else { return Ok(None) };
        Ok(Some(key.parse().map_err(|_| refused(BadToken))?))
    }

    /// As [`List::open`], for lists in the order of a time and an id.
    pub fn open_time(&self, token: &str) -> Result<Option<(OffsetDateTime, String)>, Status> {
        let Some([micros, id]) = self.open(token)? else { return Ok(None) };
        let nanos = micros.parse::<i128>().ok().and_then(|micros| micros.checked_mul(1_000));
        let at = nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
        Ok(Some((at.ok_or_else(|| refused(BadToken))?, id)))
    }

    /// The token of the next page of a list in the order of a time, to the microsecond, and an id; empty on the last.
    pub fn next_time(&self, key: Option<(OffsetDateTime, String)>) -> String {
        self.next(key.map(|(at, id)| vec![(at.unix_timestamp_nanos() / 1_000).to_string(), id]))
    }

    /// The token of the next page; empty on the last.
    pub fn next(&self, key: Option<Vec<String>>) -> String {
        key.map_or_else(String::new, |key| self.tokens.seal(self.name, self.args, &key))
    }
}

fn refused(bad: BadToken) -> Status {
    status::refuse(Code::InvalidArgument, ErrorReason::PageTokenInvalid, format!("page_token {bad}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_where_a_row_more_was_found() {
        let page = Page::of(vec![1, 2, 3], 2, |row| *row);
        assert_eq!(page, Page { rows: vec![1, 2], next: Some(2) });
        assert_eq!(Page::of(vec![1, 2], 2, |row| *row), Page { rows: vec![1, 2], next: None });
    }

    #[test]
    fn a_token_opens_its_own_list_with_its_own_arguments_only() {
        let (tokens, shop) = (Tokens::new("a secret"), TenantId::new("shop").expect("a tenant id"));
        let list = |name, args: &[&str]| List::new(&tokens, name, &shop, args).next(Some(vec!["7".to_owned()]));
        let token = list("A/List", &["u"]);
        let open = |name, args: &[&str]| List::new(&tokens, name, &shop, args).open_number(&token).ok();
        assert_eq!(open("A/List", &["u"]), Some(Some(7)));
        assert_eq!((open("A/List", &["v"]), open("B/List", &["u"])), (None, None));
        assert_eq!(List::new(&tokens, "A/List", &shop, &[]).open_number("").expect("the first page"), None);
    }

    #[test]
    fn a_place_in_time_comes_back_to_the_microsecond() {
        let (tokens, shop) = (Tokens::new("a secret"), TenantId::new("shop").expect("a tenant id"));
        let list = List::new(&tokens, "A/List", &shop, &[]);
        let at = OffsetDateTime::from_unix_timestamp_nanos(-1_234_567_891_000).expect("a time");
        let token = list.next_time(Some((at, "id".to_owned())));
        assert_eq!(list.open_time(&token).expect("its own token"), Some((at, "id".to_owned())));
    }
}
