use spend::{FUNCTIONS, switch};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), switch::handle)
}
