use identity::{FUNCTIONS, revoke_all};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), revoke_all::handle)
}
