use context::{FUNCTIONS, grant};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), grant::handle)
}
