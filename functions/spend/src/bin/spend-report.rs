use spend::{FUNCTIONS, report};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), report::handle)
}
