use platform::{FUNCTIONS, health};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), health::handle)
}
