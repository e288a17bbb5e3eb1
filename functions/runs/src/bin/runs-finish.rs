use runs::{FUNCTIONS, finish};

fn main() -> anyhow::Result<()> {
    shared::jobs::serve_task(FUNCTIONS, env!("CARGO_BIN_NAME"), finish::handle)
}
