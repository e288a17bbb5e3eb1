use scim::{FUNCTIONS, user_replace};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), user_replace::handle)
}
