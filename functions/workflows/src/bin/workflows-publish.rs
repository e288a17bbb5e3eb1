use workflows::{FUNCTIONS, publish};

fn main() -> anyhow::Result<()> {
    shared::http::serve_once(FUNCTIONS, env!("CARGO_BIN_NAME"), publish::handle)
}
