use runs::{FUNCTIONS, start};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), start::handle)
}
