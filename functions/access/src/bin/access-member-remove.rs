use access::{FUNCTIONS, member_remove};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), member_remove::handle)
}
