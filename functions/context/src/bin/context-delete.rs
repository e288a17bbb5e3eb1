use context::{FUNCTIONS, delete};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), delete::handle)
}
