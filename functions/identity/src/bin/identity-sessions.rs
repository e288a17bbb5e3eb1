use identity::{FUNCTIONS, sessions};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), sessions::handle)
}
