use scim::{FUNCTIONS, group_patch};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), group_patch::handle)
}
