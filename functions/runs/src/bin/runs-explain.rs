use runs::{FUNCTIONS, explain};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), explain::handle)
}
