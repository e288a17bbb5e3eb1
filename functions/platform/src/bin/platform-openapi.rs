use platform::{FUNCTIONS, openapi};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), openapi::handle)
}
