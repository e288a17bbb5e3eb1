use scim::{FUNCTIONS, type_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), type_get::handle)
}
