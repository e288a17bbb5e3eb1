//! The beginning of a text that fits.

use crate::tokens::Tokenizer;

/// The longest beginning of `text` within `most` tokens that ends where something ends.
pub fn cut<'a>(text: &'a str, most: u32, tokenizer: &dyn Tokenizer) -> &'a str {
    let fits = tokenizer.beginning(text, most);
    if fits == text.len() {
        return text;
    }
    let mut head = &text[..fits];
    let end = ["\n\n", ".\n", ". ", "\n", " "]
        .iter()
        .find_map(|mark| head.rfind(mark).filter(|at| *at > fits / 2).map(|at| at + mark.len()));
    head = head[..end.unwrap_or(fits)].trim_end();
    // A shorter beginning may fall into more tokens, by one or two where a word was cut.
    while !tokenizer.fits(head, most) {
        let shorter = head.floor_char_boundary(head.len().saturating_sub(1));
        head = &head[..shorter];
    }
    head
}
