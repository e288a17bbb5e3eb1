use imports::{FUNCTIONS, create};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), create::handle)
}
