//! The incentives service as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    let program = host::Program {
        name: incentives::NAME,
        defaults: incentives::config::DEFAULTS,
        migrations: incentives::migrations,
    };
    host::main(&program, async |kit| Ok(incentives::start(kit)))
}
