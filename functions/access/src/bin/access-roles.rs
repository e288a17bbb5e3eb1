use access::{FUNCTIONS, roles};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), roles::handle)
}
