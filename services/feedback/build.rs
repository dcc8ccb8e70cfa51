//! `sqlx::migrate!` reads a folder; without this, a new file in it would not rebuild the crate.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
