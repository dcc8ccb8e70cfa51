//! Reading source text just well enough: no parser, so that xtask builds in a second.

/// The text with comments blanked out and without the test module at its end. Offsets and lines stay as they were.
pub(crate) fn code(text: &str, ending: &str) -> String {
    let mark = if ending == ".sql" { "--" } else { "//" };
    let text = match text.find("\n#[cfg(test)]\nmod ") {
        Some(end) if text[end..].contains("{\n") => &text[..end],
        _ => text,
    };
    text.split_inclusive('\n').map(|line| without_comment(line, mark)).collect()
}

/// A comment begins a line or follows a blank: the `//` of an address does neither.
fn without_comment(line: &str, mark: &str) -> String {
    let begin = line
        .match_indices(mark)
        .map(|(at, _)| at)
        .find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    match begin {
        Some(at) => format!("{}{}", &line[..at], if line.ends_with('\n') { "\n" } else { "" }),
        None => line.to_owned(),
    }
}

/// The line, from 1, of an offset.
pub(crate) fn line(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

/// Where a text stands, whatever its case, not as the tail of a longer name or path.
pub(crate) fn occurrences(code: &str, text: &str) -> Vec<usize> {
    let (code, text) = (code.to_ascii_lowercase(), text.to_ascii_lowercase());
    let starts = code.match_indices(&text).map(|(at, _)| at);
    starts
        .filter(|at| !code[..*at].ends_with(|before: char| in_name(before) || before == ':' || before == '.'))
        .collect()
}

/// Where a crate is used: `name::…`, or `use name;`.
pub(crate) fn uses_of_crate(code: &str, name: &str) -> Vec<usize> {
    let follows = |at: &usize| {
        let rest = &code[at + name.len()..];
        rest.starts_with("::") || (code[..*at].ends_with("use ") && rest.starts_with([';', ' ']))
    };
    occurrences(code, name).into_iter().filter(|at| code[*at..].starts_with(name)).filter(follows).collect()
}

/// Where a module of the same crate is used: `crate::name`, alone or within the braces of a `use`.
pub(crate) fn uses_of_module(code: &str, name: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::") {
        let begin = at + start.len();
        let rest = &code[begin..];
        if names_it(rest, name) {
            found.push(begin);
        } else if rest.starts_with('{') {
            let entries = first_level(rest).into_iter().filter(|entry| names_it(&rest[*entry..], name));
            found.extend(entries.map(|entry| begin + entry));
        }
    }
    found
}

fn names_it(rest: &str, name: &str) -> bool {
    rest.strip_prefix(name).is_some_and(|after| !after.starts_with(in_name))
}

/// Where the entries of `{a, b::{c, d}, e}` begin: those of `a`, `b` and `e`.
fn first_level(braces: &str) -> Vec<usize> {
    let (mut depth, mut awaiting, mut entries) = (0_usize, false, Vec::new());
    for (at, c) in braces.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(c, '{' | ',') {
            awaiting = true;
        } else if awaiting && !c.is_whitespace() {
            entries.push(at);
            awaiting = false;
        }
    }
    entries
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_test_modules_do_not_count() {
        let text = "//! tokio::spawn\nlet url = \"a://b\"; // now()\n#[cfg(test)]\nmod tests {\n    now();\n}\n";
        assert_eq!(code(text, ".rs"), "\nlet url = \"a://b\"; \n".trim_end_matches('\n').to_owned());
        assert_eq!(code("select 1 -- now()\n", ".sql"), "select 1 \n");
    }

    #[test]
    fn modules_are_found_at_the_first_level_of_braces_only() {
        let code =
            "use crate::{domain::{store::X, y}, store, events};\nuse crate::store::Row;\nuse crate::store_of_value;\n";
        let lines: Vec<_> = uses_of_module(code, "store").into_iter().map(|at| line(code, at)).collect();
        assert_eq!(lines, [1, 2]);
    }

    #[test]
    fn a_crate_is_told_from_names_that_contain_it() {
        let code = "use tokio::time;\nuse tokio_util::x;\nlet tokio = 1;\ncrate::tokio::x();\n";
        assert_eq!(uses_of_crate(code, "tokio").len(), 1);
    }
}
