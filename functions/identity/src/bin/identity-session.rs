use identity::{FUNCTIONS, session};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), session::handle)
}
