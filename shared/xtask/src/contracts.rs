//! The contracts in proto/: style, compatibility, generated code.

use std::process::Command;

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
    let base = match landed() {
        Ok(base) => base,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let Some(mut buf) = buf()? else { return Ok(Outcome::Skipped(tools::NO_PYTHON.into())) };
    let archive = repo::target().join("landed-proto.tar");
    repo::run(git(&["archive", "--format=tar", "--output"]).arg(&archive).args([&base, "proto"]))?;
    repo::run(buf.arg("breaking").arg("--against").arg(format!("{}#subdir=proto", archive.display())))?;
    Ok(Outcome::Passed)
}

/// The last commit that has landed below this one, or why there is none.
fn landed() -> Result<String, String> {
    let ask = |args: &[&str]| repo::output(&mut git(args)).map_err(drop);
    let head = ask(&["rev-parse", "HEAD"]).map_err(|()| "not a git checkout".to_owned())?;
    let none = "there is no origin/main to compare with: nothing has landed yet";
    let base = ask(&["merge-base", "HEAD", "origin/main"]).map_err(|()| none.to_owned())?;
    let changed = ask(&["status", "--porcelain", "--", "proto"]).is_ok_and(|changes| !changes.is_empty());
    if base == head && !changed {
        return Err("this is origin/main itself: its contracts have landed".to_owned());
    }
    ask(&["rev-parse", "--verify", &format!("{base}:proto")])
        .map_err(|()| "the landed commit has no proto/".to_owned())?;
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
