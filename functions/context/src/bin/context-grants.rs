use context::{FUNCTIONS, grants};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), grants::handle)
}
