use access::{FUNCTIONS, catalogue};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), catalogue::handle)
}
