use scim::{FUNCTIONS, user_patch};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), user_patch::handle)
}
