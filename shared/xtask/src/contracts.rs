//! The contracts in proto/: style, compatibility, generated code.

use std::{fs, process::Command};

use crate::{repo, test::Outcome, tools};

/// Generates the code of the crate `proto`, or compares it with what is committed.
pub(crate) fn generate(check: bool) -> anyhow::Result<()> {
    let mut proto_gen = repo::cargo(&["run", "--quiet", "--package", "proto-gen", "--"]);
    if check {
        proto_gen.arg("--check");
    }
    repo::run(&mut proto_gen)
}

/// buf's STANDARD rules, a comment on everything, and its format.
pub(crate) fn lint() -> anyhow::Result<Outcome> {
    let commands: [&[&str]; 2] = [&["lint"], &["format", "--diff", "--exit-code", "--path", "banyan"]];
    for arguments in commands {
        let Some(mut buf) = buf()? else { return Ok(Outcome::Skipped(tools::NO_PYTHON.into())) };
        repo::run(buf.args(arguments))?;
    }
    Ok(Outcome::Passed)
}

/// Whether clients of the last landed contracts still understand these.
pub(crate) fn breaking() -> anyhow::Result<Outcome> {
    let base = match base() {
        Ok(base) => base,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let Some(mut buf) = buf()? else { return Ok(Outcome::Skipped(tools::NO_PYTHON.into())) };
    let archive = repo::target().join("landed-proto.tar");
    repo::run(git(&["archive", "--format=tar", "--output"]).arg(&archive).args([&base.commit, "proto"]))?;
    println!("proto/ as it is here, against {} ({})", base.shown()?, base.why);
    repo::run(buf.arg("breaking").arg("--against").arg(format!("{}#subdir=proto", archive.display())))?;
    Ok(Outcome::Passed)
}

/// Names the newest commit that others may have built on: one line, the whole hash. Whoever lands work writes into it the
/// commit that the work began from, as part of what lands, and no other commit changes it. So everything that lands together
/// may still change its own additions to the contracts, and nothing may break what was there before.
const LANDED: &str = ".ci/landed";

/// A commit to compare the contracts with.
struct Base {
    commit: String,
    why: &'static str,
}

impl Base {
    fn shown(&self) -> anyhow::Result<String> {
        repo::output(&mut git(&["log", "--max-count=1", "--format=%h %cs %s", &self.commit]))
    }
}

/// The commit that [`LANDED`] names; where this checkout does not have it, the last one in common with origin/main. Else why
/// there is nothing to compare with.
fn base() -> Result<Base, String> {
    let ask = |args: &[&str]| repo::output(&mut git(args)).map_err(drop);
    let head = ask(&["rev-parse", "HEAD"]).map_err(|()| "not a git checkout".to_owned())?;
    let named = fs::read_to_string(repo::root().join(LANDED)).unwrap_or_default();
    let named = ask(&["rev-parse", "--verify", &format!("{}^{{commit}}", named.trim())]);
    let named = named.map(|commit| Base { commit, why: "as .ci/landed says" });
    let common = || ask(&["merge-base", "HEAD", "origin/main"]).map(|commit| Base { commit, why: "from origin/main" });
    let none = format!("this checkout has neither the commit that {LANDED} names nor origin/main");
    let base = named.or_else(|()| common()).map_err(|()| none)?;
    let changed = ask(&["status", "--porcelain", "--", "proto"]).is_ok_and(|changes| !changes.is_empty());
    if base.commit == head && !changed {
        return Err(format!("these contracts have landed ({})", base.why));
    }
    ask(&["rev-parse", "--verify", &format!("{}:proto", base.commit)])
        .map_err(|()| format!("the landed commit {} has no proto/", base.commit))?;
    Ok(base)
}

fn git(args: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.current_dir(repo::root()).args(args);
    git
}

/// buf, in proto/; `None` where it cannot be had.
fn buf() -> anyhow::Result<Option<Command>> {
    let Some(program) = tools::buf()? else { return Ok(None) };
    let mut buf = Command::new(program);
    buf.current_dir(repo::root().join("proto"));
    Ok(Some(buf))
}
