use access::{FUNCTIONS, key_revoke};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), key_revoke::handle)
}
