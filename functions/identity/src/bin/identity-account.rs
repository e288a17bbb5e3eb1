use identity::{FUNCTIONS, account};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), account::handle)
}
