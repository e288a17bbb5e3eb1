use scim::{FUNCTIONS, config};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), config::handle)
}
