use scim::{FUNCTIONS, types};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), types::handle)
}
