use identity::{FUNCTIONS, logout};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), logout::handle)
}
