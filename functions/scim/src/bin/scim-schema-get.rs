use scim::{FUNCTIONS, schema_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), schema_get::handle)
}
