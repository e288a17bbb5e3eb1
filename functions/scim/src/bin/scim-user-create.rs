use scim::{FUNCTIONS, user_create};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), user_create::handle)
}
