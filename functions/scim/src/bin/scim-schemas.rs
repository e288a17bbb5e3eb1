use scim::{FUNCTIONS, schemas};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), schemas::handle)
}
