use runs::{FUNCTIONS, diff};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), diff::handle)
}
