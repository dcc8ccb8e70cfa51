//! Prints the address of a database with the migrations of all services, for `cargo xtask sqlx-prepare` and `dev-db`.
#![allow(clippy::print_stdout)]

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    println!("{}", testkit::prepared_database().await?);
    Ok(())
}
