use runs::{FUNCTIONS, room};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), room::handle)
}
