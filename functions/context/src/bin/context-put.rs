use context::{FUNCTIONS, put};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), put::handle)
}
