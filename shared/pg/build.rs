//! `sqlx::migrate!` reads a folder; without this, a new file in it would not rebuild the crate.

#[expect(clippy::print_stdout, reason = "a build script speaks to Cargo this way")]
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
