//! Reads a shop's orders from a CSV file: one row is one order.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};

use serde::Serialize;
use time::OffsetDateTime;
use xxhash_rust::xxh3::Xxh3;

use super::amount;
use super::deed::{Act, Basket, Deed, Line};
use super::local::Local;
use super::when::{self, DateOrder};

#[cfg(test)]
mod tests;

/// How far the first line is looked at for its separator.
const HEADER_MOST: u64 = 1 << 16;

/// Which columns hold what, and how they are read.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// Header of the user's id.
    pub user: String,
    /// Header of the order's time.
    pub time: String,
    /// Header of what was paid.
    pub amount: String,
    /// Header of the pieces; `None` where the file has none.
    pub quantity: Option<String>,
    /// How dates such as `03/04/2026` are meant.
    pub date_order: Option<DateOrder>,
    /// Decimals of the currency.
    pub decimals: u32,
}

/// A line that holds no order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BadLine {
    /// Its number in the file; the header is line 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Rows after the header, bad ones included.
    pub rows: u64,
    /// The orders, by time; those of one time in the order of the file.
    pub deeds: Vec<Deed>,
    /// The rows left out.
    pub bad_lines: Vec<BadLine>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The first line names no such column.
    #[error("the file has no column `{wanted}`; its columns are {found}")]
    NoColumn {
        /// The header asked for.
        wanted: String,
        /// The headers there are.
        found: String,
    },
    /// Reading failed.
    #[error("the file cannot be read")]
    Unreadable(#[from] csv::Error),
    /// Reading failed.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
}

/// Reads a file. `name` is its name without folders: ids derive from it and from each row's values, equal rows being
/// numbered, so that the same file always gives the same events and one that has grown gives the new ones as well.
/// Times later than `latest` are refused.
pub(crate) fn read(
    name: &str,
    input: impl Read,
    columns: &Columns,
    local: &Local,
    latest: OffsetDateTime,
) -> Result<Orders, FileError> {
    let mut input = BufReader::new(input);
    let mut first = Vec::new();
    input.by_ref().take(HEADER_MOST).read_until(b'\n', &mut first)?;
    let first = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&first);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(first))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(Cursor::new(first).chain(input));
    let places = Places::find(&reader.byte_headers()?.clone(), columns)?;
    let mut orders = Orders::default();
    let mut seen: HashMap<u128, u32> = HashMap::new();
    for record in reader.byte_records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        orders.rows += 1;
        let row = Row { record: &record, places: &places, columns, local, latest };
        match row.read() {
            Ok(values) => orders.deeds.push(values.into_deed(name, line, &mut seen)),
            Err(reason) => orders.bad_lines.push(BadLine { line, reason }),
        }
    }
    orders.deeds.sort_by_key(|deed| deed.at); // stable: the file's order decides among equal times
    Ok(orders)
}

/// The separator that the first line has most of.
fn delimiter(first: &[u8]) -> u8 {
    let occurrences = |mark: u8| first.iter().filter(|byte| **byte == mark).count();
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|mark| occurrences(*mark)).unwrap_or(b',')
}

/// Where the columns stand in a row.
struct Places {
    user: usize,
    time: usize,
    amount: usize,
    quantity: Option<usize>,
}

impl Places {
    fn find(headers: &csv::ByteRecord, columns: &Columns) -> Result<Self, FileError> {
        let headers: Vec<String> =
            headers.iter().map(|header| String::from_utf8_lossy(header).trim().to_owned()).collect();
        let place = |wanted: &str| {
            let exact = headers.iter().position(|header| header == wanted.trim());
            let loose = || headers.iter().position(|header| header.eq_ignore_ascii_case(wanted.trim()));
            exact.or_else(loose).ok_or_else(|| FileError::NoColumn {
                wanted: wanted.to_owned(),
                found: headers.iter().map(|header| format!("`{header}`")).collect::<Vec<_>>().join(", "),
            })
        };
        Ok(Self {
            user: place(&columns.user)?,
            time: place(&columns.time)?,
            amount: place(&columns.amount)?,
            quantity: columns.quantity.as_deref().map(place).transpose()?,
        })
    }
}

/// One row on its way.
struct Row<'a> {
    record: &'a csv::ByteRecord,
    places: &'a Places,
    columns: &'a Columns,
    local: &'a Local,
    latest: OffsetDateTime,
}

impl Row<'_> {
    fn read(&self) -> Result<Values, String> {
        let user_id = self.text(self.places.user, &self.columns.user)?;
        if user_id.is_empty() {
            return Err("the user is empty".to_owned());
        }
        if user_id.len() > 128 || user_id.contains('\0') {
            return Err("the user is longer than 128 bytes or contains a NUL".to_owned());
        }
        let at = when::read(self.text(self.places.time, &self.columns.time)?, self.columns.date_order, self.local)
            .map_err(|why| why.to_string())?;
        if at < OffsetDateTime::UNIX_EPOCH || at > self.latest {
            return Err("the time lies before 1970 or in the future".to_owned());
        }
        let total_minor = amount::read(self.text(self.places.amount, &self.columns.amount)?, self.columns.decimals)
            .map_err(|why| why.to_string())?;
        let quantity = match (self.places.quantity, &self.columns.quantity) {
            (Some(place), Some(name)) => Some(quantity(self.text(place, name)?)?),
            _ => None,
        };
        Ok(Values { user_id: user_id.to_owned(), at, total_minor, quantity })
    }

    fn text(&self, place: usize, column: &str) -> Result<&str, String> {
        let bytes = self.record.get(place).ok_or_else(|| format!("the line has no column `{column}`"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("the column `{column}` is not UTF-8"))
    }
}

fn quantity(text: &str) -> Result<i64, String> {
    let whole = text.split_once('.').map_or(
        text,
        |(whole, rest)| {
            if rest.bytes().all(|byte| byte == b'0') { whole } else { text }
        },
    );
    match whole.parse::<i64>() {
        Ok(pieces) if (1..=1_000_000).contains(&pieces) => Ok(pieces),
        _ => Err("the quantity is not a whole number from 1 to 1,000,000".to_owned()),
    }
}

/// A row's values.
struct Values {
    user_id: String,
    at: OffsetDateTime,
    total_minor: i64,
    quantity: Option<i64>,
}

impl Values {
    fn into_deed(self, file: &str, line: u64, seen: &mut HashMap<u128, u32>) -> Deed {
        let hash = self.hash(file);
        let repeat = seen.entry(hash).or_default();
        *repeat += 1;
        let order_id = match repeat {
            1 => format!("{hash:032x}"),
            _ => format!("{hash:032x}-{repeat}"),
        };
        let pieces = |quantity| Line { quantity, paid_minor: self.total_minor, ..Line::default() };
        let lines = self.quantity.map(pieces).into_iter().collect();
        let basket = Basket { order_id: order_id.clone(), lines, total_minor: self.total_minor, till: false };
        Deed {
            event_id: format!("{order_id}:completed"),
            user_id: self.user_id,
            at: self.at,
            line: Some(line),
            act: Act::Completed(basket),
        }
    }

    fn hash(&self, file: &str) -> u128 {
        let mut hash = Xxh3::new();
        for text in [file, &self.user_id] {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(&self.at.unix_timestamp_nanos().to_le_bytes());
        hash.update(&self.total_minor.to_le_bytes());
        hash.update(&self.quantity.unwrap_or(0).to_le_bytes());
        hash.digest128()
    }
}
