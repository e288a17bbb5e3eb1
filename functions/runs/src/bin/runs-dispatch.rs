use runs::{FUNCTIONS, dispatch};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), dispatch::handle)
}
