use scim::{FUNCTIONS, groups};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), groups::handle)
}
