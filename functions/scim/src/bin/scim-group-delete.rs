use scim::{FUNCTIONS, group_delete};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), group_delete::handle)
}
