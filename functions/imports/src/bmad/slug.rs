//! Names that can stand in an address: lower case, digits and single hyphens.

const MAX: usize = 80;

/// Empty when nothing of the text can be kept.
pub(super) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= MAX {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// True for what may stand in an address as it is; dots and underscores are somebody's own choice.
pub(super) fn is_slug(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.len() <= 100
        && text.starts_with(plain)
        && text.chars().all(|letter| plain(letter) || "._-".contains(letter))
}

/// The slug itself, or with the first free number behind it.
pub(super) fn unique(wanted: String, taken: impl Fn(&str) -> bool) -> String {
    if !taken(&wanted) {
        return wanted;
    }
    let mut number: u32 = 2;
    loop {
        let next = format!("{wanted}-{number}");
        if !taken(&next) {
            return next;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_digits_and_hyphens_are_left() {
        assert_eq!(slug("Create: The  PRD.md"), "create-the-prd-md");
        assert_eq!(slug("  ✍️ "), "");
        assert_eq!(slug(&"x".repeat(200)).len(), MAX);
    }

    #[test]
    fn a_taken_slug_gets_a_number() {
        assert_eq!(unique("a".into(), |slug| ["a", "a-2"].contains(&slug)), "a-3");
    }
}
