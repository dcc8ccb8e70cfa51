//! The feedback service as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program =
        host::Program { name: feedback::NAME, defaults: feedback::config::DEFAULTS, migrations: feedback::migrations };
    host::main(&program, async |kit| Ok(feedback::start(kit)))
}
