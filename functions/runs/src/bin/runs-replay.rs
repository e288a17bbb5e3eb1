use runs::{FUNCTIONS, replay};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), replay::handle)
}
