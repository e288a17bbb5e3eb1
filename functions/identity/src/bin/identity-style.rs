use identity::{FUNCTIONS, style};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), style::handle)
}
