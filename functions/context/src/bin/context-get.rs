use context::{FUNCTIONS, get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), get::handle)
}
