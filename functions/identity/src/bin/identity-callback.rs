use identity::{FUNCTIONS, callback};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), callback::handle)
}
