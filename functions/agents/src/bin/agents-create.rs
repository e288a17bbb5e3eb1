use agents::{FUNCTIONS, create};

fn main() -> anyhow::Result<()> {
    shared::http::serve_once(FUNCTIONS, env!("CARGO_BIN_NAME"), create::handle)
}
