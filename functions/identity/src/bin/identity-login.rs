use identity::{FUNCTIONS, login};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), login::handle)
}
