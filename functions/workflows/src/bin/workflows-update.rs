use workflows::{FUNCTIONS, update};

fn main() -> anyhow::Result<()> {
    shared::http::serve(FUNCTIONS, env!("CARGO_BIN_NAME"), update::handle)
}
