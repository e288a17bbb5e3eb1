use runs::{FUNCTIONS, plan};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), plan::handle)
}
