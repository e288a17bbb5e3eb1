use access::{FUNCTIONS, role_create};

fn main() -> anyhow::Result<()> {
    shared::http::serve_once(FUNCTIONS, env!("CARGO_BIN_NAME"), role_create::handle)
}
