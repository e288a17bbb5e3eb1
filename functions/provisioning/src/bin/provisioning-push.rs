use provisioning::{FUNCTIONS, push};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), push::handle)
}
