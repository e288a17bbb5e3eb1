use scim::{FUNCTIONS, users};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), users::handle)
}
