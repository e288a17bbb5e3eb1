use access::{FUNCTIONS, member_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), member_get::handle)
}
