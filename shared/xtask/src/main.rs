//! The tasks of this repository: `cargo xtask --help`.
#![allow(clippy::print_stdout)]

mod contracts;
mod layers;
mod repo;
mod sqlx;
mod test;
mod tools;

use std::{os::unix::process::CommandExt, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows the product: starts it, replays a shop's year through it and prints what a manager wants to see
    Demo {
        /// `--release` builds optimised; everything else goes to the demo, whose own help is `cargo xtask demo --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Runs all services in one process and prints the address, a token and calls to try
    Dev {
        /// `--release` builds optimised; everything else goes to the suite
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measures what calls cost, side by side in one run; builds optimised
    Bench {
        /// Go to the benchmark, whose own help is `cargo xtask bench --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Everything a contributor needs to trust a change: what CI runs
    Test(test::Options),
    /// The same as `test`
    Ci(test::Options),
    /// Generates the code of the crate `proto` from the folder proto/
    Gen {
        /// Only compare with what is committed
        #[arg(long)]
        check: bool,
    },
    /// Looks for what the house rules forbid: wrong dependencies, SQL in the wrong place, clocks in the domain
    Layers,
    /// Writes /.sqlx, from which sqlx's macros compile without a database
    SqlxPrepare {
        /// Only compare with what is committed
        #[arg(long)]
        check: bool,
    },
    /// Starts a private Postgres with all migrations applied and prints the variables that make sqlx's macros use it:
    /// eval "$(cargo xtask dev-db)"
    DevDb,
    /// Ends the private servers of the tests and of `dev-db`
    Stop,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Demo { args } => become_program("suite", "banyan-demo", args),
        Task::Dev { args } => become_program("suite", "banyan-suite", args),
        Task::Bench { args } => {
            become_program("load", "banyan-bench", ["--release".to_owned()].into_iter().chain(args).collect())
        }
        Task::Test(options) | Task::Ci(options) => test::run(&options),
        Task::Gen { check } => contracts::generate(check),
        Task::Layers => layers::check(),
        Task::SqlxPrepare { check } => sqlx::prepare(check),
        Task::DevDb => sqlx::print_variables(),
        Task::Stop => repo::test_servers().stop(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Builds the programs of the suite, for the others start it, and becomes one program, so that signals reach it directly.
fn become_program(package: &str, name: &str, mut args: Vec<String>) -> anyhow::Result<()> {
    let release = args.iter().position(|arg| arg == "--release").map(|at| args.remove(at));
    repo::run(repo::cargo(&["build", "--package", "suite", "--package", package, "--bins"]).args(&release))?;
    let mut command = repo::cargo(&["run", "--quiet", "--package", package, "--bin", name]);
    Err(command.args(release).arg("--").args(args).exec().into())
}
