use conversations::{FUNCTIONS, analytics};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), analytics::handle)
}
