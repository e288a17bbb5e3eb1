use conversations::{FUNCTIONS, messages};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), messages::handle)
}
