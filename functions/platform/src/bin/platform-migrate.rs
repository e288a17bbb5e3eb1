use platform::{FUNCTIONS, migrate};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), migrate::handle)
}
