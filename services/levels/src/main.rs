//! The levels service as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program =
        host::Program { name: levels::NAME, defaults: levels::config::DEFAULTS, migrations: levels::migrations };
    host::main(&program, async |kit| Ok(levels::start(kit)))
}
