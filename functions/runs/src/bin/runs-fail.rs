use runs::{FUNCTIONS, fail};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), fail::handle)
}
