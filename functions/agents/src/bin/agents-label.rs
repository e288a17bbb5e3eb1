use agents::{FUNCTIONS, label};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), label::handle)
}
