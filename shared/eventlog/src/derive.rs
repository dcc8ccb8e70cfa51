use aws_lc_rs::digest;
use ids::EventId;

/// The id of the `n`-th follow-up that a rule makes of a chain of events: the same however often it is computed, and
/// different for different arguments. The root's id may be a reporter's, so the hash is one that nobody can collide.
pub fn derive(root: &str, rule: &str, n: u32) -> EventId {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in [root.as_bytes(), rule.as_bytes()] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(&n.to_be_bytes());
    let hex: String = hash.finish().as_ref()[..20].iter().map(|byte| format!("{byte:02x}")).collect();
    EventId::new(format!("f-{hex}")).expect("42 plain characters are an event id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_never_changes() {
        assert_eq!(derive("order-1", "points", 0).as_str(), "f-9bbd28e5bb237fe63e3b89a8502f0a5dae57a3ac");
    }

    #[test]
    fn different_arguments_give_different_ids() {
        let all = [derive("a", "bc", 1), derive("ab", "c", 1), derive("a", "bc", 2), derive("", "abc", 1)];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
