use runs::{FUNCTIONS, stream};

fn main() -> anyhow::Result<()> {
    shared::http::serve_stream(FUNCTIONS, env!("CARGO_BIN_NAME"), stream::handle)
}
