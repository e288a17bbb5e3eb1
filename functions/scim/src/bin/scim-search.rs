use scim::{FUNCTIONS, search};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), search::handle)
}
