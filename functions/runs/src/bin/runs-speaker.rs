use runs::{FUNCTIONS, speaker};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), speaker::handle)
}
