use scim::{FUNCTIONS, user_get};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), user_get::handle)
}
