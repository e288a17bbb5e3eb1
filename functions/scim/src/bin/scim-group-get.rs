use scim::{FUNCTIONS, group_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), group_get::handle)
}
