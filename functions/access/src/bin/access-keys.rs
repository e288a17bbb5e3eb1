use access::{FUNCTIONS, keys};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), keys::handle)
}
