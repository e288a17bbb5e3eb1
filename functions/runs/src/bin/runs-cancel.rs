use runs::{FUNCTIONS, cancel};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), cancel::handle)
}
