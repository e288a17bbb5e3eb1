use provisioning::{FUNCTIONS, events};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_queue(FUNCTIONS, env!("CARGO_BIN_NAME"), events::handle)
}
