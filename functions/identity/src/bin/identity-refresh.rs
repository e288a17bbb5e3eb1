use identity::{FUNCTIONS, refresh};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), refresh::handle)
}
