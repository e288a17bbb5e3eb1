use access::{FUNCTIONS, key_create};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), key_create::handle)
}
