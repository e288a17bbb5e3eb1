use context::{FUNCTIONS, revoke};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), revoke::handle)
}
