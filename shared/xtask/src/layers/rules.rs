//! What must not stand where, and why.

use super::source;

/// One rule about the text of source files.
pub(crate) struct Rule {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// Why it holds.
    pub(crate) reason: &'static str,
    /// Which files it is about, by their path from the root.
    scope: fn(&str) -> bool,
    /// What they must not hold.
    forbidden: &'static [Pattern],
    /// Paths that may, each for a reason.
    except: &'static [(&'static str, &'static str)],
}

/// A piece of source text.
pub(crate) enum Pattern {
    /// A use of a crate.
    Crate(&'static str),
    /// A use of a module of the same crate.
    Module(&'static str),
    /// These characters, whatever their case, not as the tail of a longer name or path.
    Text(&'static str),
}

impl Rule {
    /// Whether it is about this file.
    pub(crate) fn applies(&self, path: &str) -> bool {
        (self.scope)(path) && !self.except.iter().any(|(prefix, _)| path.starts_with(prefix))
    }

    /// Line and text of every break of it.
    pub(crate) fn breaks(&self, code: &str) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        for pattern in self.forbidden {
            let (text, offsets) = match pattern {
                Pattern::Crate(name) => (*name, source::uses_of_crate(code, name)),
                Pattern::Module(name) => (*name, source::uses_of_module(code, name)),
                Pattern::Text(text) => (*text, source::occurrences(code, text)),
            };
            found.extend(offsets.into_iter().map(|offset| (source::line(code, offset), text)));
        }
        found.sort_unstable();
        found
    }
}

use Pattern::{Crate, Module, Text};

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "pure domain",
        reason: "rules decide on values: they can be read, tested and run again without a server, a clock or a database",
        scope: |path| layer(path, "domain"),
        forbidden: &[
            Crate("tonic"),
            Crate("prost"),
            Crate("prost_types"),
            Crate("proto"),
            Crate("sqlx"),
            Crate("redis"),
            Crate("tokio"),
            Crate("pg"),
            Crate("eventlog"),
            Crate("requests"),
            Crate("rt"),
            Module("grpc"),
            Module("commands"),
            Module("queries"),
            Module("store"),
        ],
        except: &[],
    },
    Rule {
        name: "store below everything",
        reason: "SQL of an aggregate knows rows and domain values; who asks, and over what wire, it must not know",
        scope: |path| layer(path, "store"),
        forbidden: &[Crate("tonic"), Module("grpc"), Module("commands"), Module("queries")],
        except: &[],
    },
    Rule {
        name: "SQL in the store",
        reason: "all SQL of an aggregate stands in one file, where its statements can be compared",
        scope: |path| service(path) && !layer(path, "store"),
        forbidden: &[Text("sqlx::query"), Text("query!("), Text("query_as!("), Text("query_scalar!(")],
        except: &[],
    },
    Rule {
        name: "thin handlers",
        reason: "a handler parses, calls and wraps; the transaction stands in commands/",
        scope: |path| layer(path, "grpc"),
        forbidden: &[Crate("sqlx"), Module("store")],
        except: &[],
    },
    Rule {
        name: "one clock",
        reason: "now() is the start of the transaction, before it waited for its locks, and ignores a sandbox's clock: \
                 read pg::clock after the locks and pass it on",
        scope: |path| path.starts_with("services/") && !tests(path),
        forbidden: &[Text("now()"), Text("current_timestamp"), Text("localtimestamp"), Text("statement_timestamp()")],
        except: &[],
    },
    Rule {
        name: "time and chance are arguments",
        reason: "a decision that reads a clock or draws a number cannot be repeated in a test or a replay",
        scope: |path| ["domain", "commands", "queries", "store", "events"].iter().any(|name| layer(path, name)),
        forbidden: &[
            Text("OffsetDateTime::now_utc"),
            Text("SystemTime::now"),
            Text("Uuid::new_v4"),
            Text("Uuid::now_v7"),
            Crate("rand"),
        ],
        except: &[],
    },
    Rule {
        name: "tracked tasks",
        reason: "a drain must know every task: start them with rt",
        scope: |path| !tests(path),
        forbidden: &[Text("tokio::spawn("), Text("tokio::task::spawn("), Text("task::spawn(")],
        except: &[
            ("shared/rt/", "it is what tracks them"),
            ("shared/testkit/", "tests have no drain"),
            ("services/suite/src/demo/", "a client: its tasks end with it"),
        ],
    },
    Rule {
        name: "named columns",
        reason: "a new column must not change what a statement returns",
        scope: |path| !tests(path),
        forbidden: &[Text("select *"), Text("returning *")],
        except: &[],
    },
];

/// A service's own code, as opposed to its tests and to the suite, which is a program around services.
fn service(path: &str) -> bool {
    path.starts_with("services/") && !path.starts_with("services/suite/") && path.contains("/src/") && !tests(path)
}

/// One layer of a service: the folder or the file of that name.
fn layer(path: &str, name: &str) -> bool {
    service(path) && path.split('/').nth(3).is_some_and(|part| part == name || part.strip_suffix(".rs") == Some(name))
}

/// Files that hold tests, benches and examples only. Test modules inside other files are left out line by line.
fn tests(path: &str) -> bool {
    let folder = ["/tests/", "/benches/", "/examples/"].iter().any(|folder| path.contains(folder));
    path.starts_with("tests/") || path.ends_with("/tests.rs") || folder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, code: &str) -> Vec<(&'static str, usize)> {
        let rules = RULES.iter().filter(|rule| rule.applies(path));
        rules.flat_map(|rule| rule.breaks(code).into_iter().map(move |(line, _)| (rule.name, line))).collect()
    }

    #[test]
    fn the_domain_knows_no_wire_and_no_store() {
        let code = "use crate::{\n    error::E,\n    store::lots,\n};\nfn f(tx: &mut sqlx::PgConnection) {}\n";
        let want = vec![("pure domain", 3), ("pure domain", 5)];
        assert_eq!(broken("services/levels/src/domain/lot.rs", code), want);
        assert_eq!(broken("services/levels/src/domain.rs", code), want);
        assert_eq!(broken("services/levels/src/commands/earn.rs", code), []);
    }

    #[test]
    fn a_clock_in_sql_is_found_and_one_in_rust_is_not_taken_for_it() {
        let code = "select NOW();\n";
        assert_eq!(broken("services/levels/migrations/1000_x.sql", code), [("one clock", 1)]);
        assert_eq!(broken("services/levels/src/config.rs", "let a = Instant::now();\nlet b = clock.now();\n"), []);
    }

    #[test]
    fn tasks_are_spawned_by_rt_alone() {
        let code = "tokio::spawn(async {});";
        assert_eq!(broken("shared/eventlog/src/consumer.rs", code), [("tracked tasks", 1)]);
        assert_eq!(broken("shared/rt/src/tasks.rs", code), []);
        assert_eq!(broken("shared/eventlog/tests/it/main.rs", code), []);
    }

    #[test]
    fn sql_stands_in_the_store() {
        let code = "sqlx::query!(\"select 1\")";
        assert_eq!(broken("services/levels/src/commands/earn.rs", code).len(), 1);
        assert_eq!(broken("services/levels/src/store/entry.rs", code), []);
    }
}
