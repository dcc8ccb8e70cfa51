/// The roles of one service. The only place in Rust that knows their names; in SQL it is the base migration, which
/// derives the same names from the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// Owns the schema and everything in it and runs migrations. Nobody logs in as it.
    pub owner: String,
    /// What the service logs in as: reads and writes rows, one tenant at a time.
    pub app: String,
    /// What the service may become inside a transaction to work across tenants, on shared log tables only.
    pub system: String,
}

impl Roles {
    /// The roles of the service that owns a schema.
    pub fn of(schema: &str) -> Self {
        assert!(plain(schema), "a schema is named with lower-case letters, digits and underscores");
        let app = format!("banyan_{schema}");
        Self { owner: format!("{app}_owner"), system: format!("{app}_system"), app }
    }
}

/// What may stand in SQL as an identifier without quotes, whoever wrote it.
fn plain(name: &str) -> bool {
    let tail = name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    tail && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 40
}

/// The same database as another role, without a password: for private servers, where local roles are trusted. On a
/// platform the service gets a URL of its own.
pub fn url_as(admin_url: &str, role: &str) -> String {
    let Some((scheme, rest)) = admin_url.split_once("://") else { return admin_url.to_owned() };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("user=") && !pair.starts_with("password="))
        .collect();
    // a URL without a host cannot name a user before it, so there the user travels as a parameter
    let (user, last) =
        if host.is_empty() { (String::new(), Some(format!("user={role}"))) } else { (format!("{role}@"), None) };
    let query: Vec<&str> = kept.into_iter().chain(last.as_deref()).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{user}{host}{path}{mark}{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_role_keeps_the_database_and_loses_the_password() {
        let cases = [
            ("postgres://postgres:pw@h:5433/b", "postgres://r@h:5433/b"),
            ("postgres://h/b?sslmode=require&password=pw", "postgres://r@h/b?sslmode=require"),
            ("postgres:///b?host=/run/pg&user=postgres", "postgres:///b?host=/run/pg&user=r"),
            ("postgresql://a@h", "postgresql://r@h"),
        ];
        for (from, to) in cases {
            assert_eq!(url_as(from, "r"), to);
        }
    }

    #[test]
    fn roles_are_named_after_the_schema() {
        let owned = |name: &str| name.to_owned();
        let want = Roles {
            owner: owned("banyan_levels_owner"),
            app: owned("banyan_levels"),
            system: owned("banyan_levels_system"),
        };
        assert_eq!(Roles::of("levels"), want);
    }

    #[test]
    #[should_panic(expected = "a schema is named")]
    fn a_schema_that_would_need_quotes_is_refused() {
        Roles::of("levels; drop table entry");
    }
}
