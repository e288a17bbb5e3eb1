use agents::{FUNCTIONS, versions};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), versions::handle)
}
