use access::{FUNCTIONS, role_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), role_get::handle)
}
