use spend::{FUNCTIONS, cap};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), cap::handle)
}
