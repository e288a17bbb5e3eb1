use runs::{FUNCTIONS, start};

fn main() -> anyhow::Result<()> {
    shared::http::serve_once(FUNCTIONS, env!("CARGO_BIN_NAME"), start::handle)
}
