//! The beginning of a text that fits.

use crate::tokens::Tokenizer;

/// No text of so many bytes for each token is looked at: more than any language needs.
const WIDEST: usize = 16;

/// The longest beginning of `text` within `most` tokens that ends where something ends.
pub fn cut<'a>(text: &'a str, most: u32, tokenizer: &dyn Tokenizer) -> &'a str {
    let widest = usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(WIDEST);
    let window = &text[..text.floor_char_boundary(widest)];
    if window.len() == text.len() && tokenizer.fits(text, most) {
        return text;
    }
    let (mut fits, mut over) = (0, window.len() + 1);
    while over - fits > 1 {
        let middle = window.floor_char_boundary(fits.midpoint(over));
        if middle <= fits {
            break;
        }
        if tokenizer.fits(&window[..middle], most) { fits = middle } else { over = middle }
    }
    let mut head = &window[..fits];
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
