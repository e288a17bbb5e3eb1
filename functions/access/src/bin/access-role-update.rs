use access::{FUNCTIONS, role_update};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), role_update::handle)
}
