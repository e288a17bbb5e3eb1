use runs::{FUNCTIONS, fork};

fn main() -> anyhow::Result<()> {
    shared::http::serve_once(FUNCTIONS, env!("CARGO_BIN_NAME"), fork::handle)
}
