use scim::{FUNCTIONS, user_delete};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), user_delete::handle)
}
