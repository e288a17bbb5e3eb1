use access::{FUNCTIONS, member_roles};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), member_roles::handle)
}
