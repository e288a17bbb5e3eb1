use scim::{FUNCTIONS, group_create};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), group_create::handle)
}
