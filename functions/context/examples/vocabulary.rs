//! Writes the first tokens of o200k as `src/tokens/vocabulary.rs` reads them, to standard output:
//! `cargo run -p context --example vocabulary > functions/context/src/tokens/o200k-16k.bin`.
//! A test holds that what is committed is what this writes.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let bpe = &bpe_openai::o200k_base().bpe;
    let tokens = (0..context::tokens::KEPT).map(|rank| bpe.token_bytes(rank.into()));
    std::io::stdout().write_all(&context::tokens::layout(tokens))
}
