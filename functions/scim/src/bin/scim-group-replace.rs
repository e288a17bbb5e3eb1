use scim::{FUNCTIONS, group_replace};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), group_replace::handle)
}
