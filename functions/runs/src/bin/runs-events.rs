use runs::{FUNCTIONS, events};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), events::handle)
}
