use provisioning::{FUNCTIONS, drift};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), drift::handle)
}
