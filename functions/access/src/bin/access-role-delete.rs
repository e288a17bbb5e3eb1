use access::{FUNCTIONS, role_delete};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), role_delete::handle)
}
