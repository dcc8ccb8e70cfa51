//! The profiles service as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program =
        host::Program { name: profiles::NAME, defaults: profiles::config::DEFAULTS, migrations: profiles::migrations };
    host::main(&program, profiles::start)
}
