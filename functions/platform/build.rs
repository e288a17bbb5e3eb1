//! The migrations are built into the binary: a new file among them is a reason to build it anew.

#[expect(clippy::print_stdout, reason = "how a build script speaks to Cargo")]
fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
