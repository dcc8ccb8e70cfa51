//! Where a setting comes from, and how an error names it.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

use std::collections::BTreeMap;
use std::io::Write as _;

use serde::Deserialize;
use settings::{SettingsError, load_from};

const DEFAULTS: &str = r#"
# How many.
name = "shop"

[pg]
url = "postgres://localhost"
# Most connections.
pool_max = 16

[log]
filters = ["info"]
json = false
"#;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: String,
    pg: Pg,
    log: Log,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pg {
    url: String,
    pool_max: u32,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    filters: Vec<String>,
    json: bool,
}

fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load_from(DEFAULTS, "BANYAN", &variables)
}

fn fault(variables: &[(&str, &str)]) -> String {
    load(variables).unwrap_err().to_string()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn defaults_hold_where_nothing_is_said() {
    let expected = Settings {
        name: "shop".to_owned(),
        pg: Pg { url: "postgres://localhost".to_owned(), pool_max: 16 },
        log: Log { filters: vec!["info".to_owned()], json: false },
    };
    assert_eq!(load(&[]).unwrap(), expected);
}

#[test]
fn the_file_overrides_defaults_and_the_environment_overrides_the_file() {
    let file = file("name = \"file\"\n[pg]\npool_max = 4\n");
    let path = file.path().to_str().unwrap();
    let got = load(&[("BANYAN_CONFIG", path), ("BANYAN__PG__POOL_MAX", "8"), ("BANYAN__LOG__JSON", "true")]).unwrap();
    assert_eq!((got.name.as_str(), got.pg.pool_max, got.log.json), ("file", 8, true));
    assert_eq!(got.pg.url, "postgres://localhost");
}

#[test]
fn a_list_in_the_environment_is_written_as_toml() {
    assert_eq!(load(&[("BANYAN__LOG__FILTERS", r#"["a", "b"]"#)]).unwrap().log.filters, ["a", "b"]);
    assert_eq!(
        fault(&[("BANYAN__LOG__FILTERS", "[a")]),
        "the environment variable BANYAN__LOG__FILTERS looks like a list but is not TOML"
    );
}

#[test]
fn a_number_may_stand_for_a_text() {
    assert_eq!(load(&[("BANYAN__NAME", "007")]).unwrap().name, "007");
}

#[test]
fn short_names_set_urls_and_long_names_win() {
    assert_eq!(load(&[("DATABASE_URL", "postgres://short")]).unwrap().pg.url, "postgres://short");
    let both = [("DATABASE_URL", "postgres://short"), ("BANYAN__PG__URL", "postgres://long")];
    assert_eq!(load(&both).unwrap().pg.url, "postgres://long");
}

#[test]
fn a_short_name_for_a_key_that_the_process_lacks_is_ignored() {
    assert!(load(&[("REDIS_URL", "redis://localhost")]).is_ok());
}

#[test]
fn variables_of_others_are_ignored() {
    assert!(load(&[("BANYAN_SERVICE_HOST", "10.0.0.1"), ("PATH", "/bin")]).is_ok());
}

#[test]
fn errors_name_the_key_and_where_its_value_came_from() {
    let typed = fault(&[("BANYAN__PG__POOL_MAX", "many")]);
    assert!(typed.contains("pg.pool_max") && typed.contains("BANYAN__PG__POOL_MAX"), "{typed}");
    let unknown = fault(&[("BANYAN__PG__POOL_MAXX", "1")]);
    assert!(unknown.contains("pool_maxx"), "{unknown}");
    let absent = fault(&[("BANYAN_CONFIG", "/no/such/file.toml")]);
    assert!(absent.contains("/no/such/file.toml"), "{absent}");
    let file = file("[pg]\npool_max = \"many\"\n");
    let path = file.path().to_str().unwrap();
    let in_file = fault(&[("BANYAN_CONFIG", path)]);
    assert!(in_file.contains("pg.pool_max") && in_file.contains(path), "{in_file}");
}
