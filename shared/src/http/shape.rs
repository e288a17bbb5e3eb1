//! The shape of a JSON text, looked at before anything is built from it: one pass over its bytes,
//! no memory. Whether it is JSON at all is for the parser to say, which comes next.

use crate::{Error, Result};

/// Objects and arrays within each other. The deepest of ours, a workflow's step, has eight.
pub const DEEPEST: usize = 32;
/// Elements of one array, or members of one object.
pub const MOST_MEMBERS: usize = 10_000;
/// All of them together: what a tree of JSON costs in memory follows from this, not from its bytes.
pub(super) const MOST_VALUES: usize = 50_000;

/// Digits before the point.
const LARGEST_MAGNITUDE: usize = 300;

pub(super) fn check(json: &[u8]) -> Result<()> {
    let mut members = [0_usize; DEEPEST];
    let (mut depth, mut values, mut at) = (0, 0, 0);
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at += text(&json[at..]),
            b'0'..=b'9' => at += number(&json[at..])?,
            b'[' | b'{' if depth == DEEPEST => {
                return refused(&format!("nested deeper than {DEEPEST}: flatten it"));
            }
            b'[' | b'{' => {
                members[depth] = 1;
                depth += 1;
                values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth > 0 => {
                members[depth - 1] += 1;
                values += 1;
                if members[depth - 1] > MOST_MEMBERS {
                    return refused(&format!(
                        "over {MOST_MEMBERS} members in one place: send less"
                    ));
                }
            }
            _ => {}
        }
        if values > MOST_VALUES {
            return refused(&format!("over {MOST_VALUES} values: send less at a time"));
        }
    }
    Ok(())
}

/// How long the rest of a text is, with its closing quote.
fn text(rest: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' => at += 1,
            _ => {}
        }
    }
    rest.len()
}

/// How long the rest of a number is. The database writes numbers out, and one of 309 digits does not
/// come back as it went.
fn number(rest: &[u8]) -> Result<usize> {
    let digits = |from: usize| rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = digits(0);
    let mut magnitude = at;
    if rest.get(at) == Some(&b'.') {
        at += 1;
        at += digits(at);
    }
    if matches!(rest.get(at), Some(b'e' | b'E')) {
        at += 1;
        let negative = rest.get(at) == Some(&b'-');
        at += usize::from(matches!(rest.get(at), Some(b'+' | b'-')));
        let exponent = &rest[at..at + digits(at)];
        at += exponent.len();
        let exponent = str::from_utf8(exponent).ok().and_then(|text| text.parse::<usize>().ok());
        // What is too small is zero, and that comes back.
        magnitude += if negative { 0 } else { exponent.unwrap_or(LARGEST_MAGNITUDE) };
    }
    if magnitude >= LARGEST_MAGNITUDE {
        let why = format!("the body has a number of over {LARGEST_MAGNITUDE} digits: send a text");
        return Err(Error::Invalid(why));
    }
    Ok(at)
}

fn refused(what: &str) -> Result<()> {
    Err(Error::TooLarge(format!("the body is {what}")))
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, MOST_MEMBERS, MOST_VALUES, check};

    fn nested(depth: usize) -> String {
        format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
    }

    fn list(of: usize) -> String {
        format!("[{}]", vec!["1"; of].join(","))
    }

    #[test]
    fn p4_the_limits_are_exact() {
        assert!(check(nested(DEEPEST).as_bytes()).is_ok());
        assert!(check(nested(DEEPEST + 1).as_bytes()).is_err());
        assert!(check(nested(1_000_000).as_bytes()).is_err());
        assert!(check(list(MOST_MEMBERS).as_bytes()).is_ok());
        assert!(check(list(MOST_MEMBERS + 1).as_bytes()).is_err());
        let lists = vec![list(1_000); MOST_VALUES / 1_000 + 1].join(",");
        assert!(check(format!("[{lists}]").as_bytes()).is_err());
    }

    #[test]
    fn p4_what_stands_in_a_text_does_not_count() {
        let text = format!(r#"{{"a":"\"{}","b":"\\"}}"#, "[,{".repeat(MOST_VALUES));
        assert!(check(text.as_bytes()).is_ok());
        let behind = format!(r#"["\\",{}]"#, nested(DEEPEST));
        assert!(check(behind.as_bytes()).is_err());
    }

    #[test]
    fn p4_a_number_that_would_not_come_back_is_refused() {
        for good in ["1e299", "-1.5E+298", "1e-400", "0", "[1,2.5e3]", "9007199254740993"] {
            assert!(check(good.as_bytes()).is_ok(), "{good}");
        }
        let long = "9".repeat(301);
        for bad in ["1e300", "1.7976931348623157e308", "[-1E+999]", "1e99999999999999999999", &long]
        {
            assert!(check(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn p4_what_is_no_json_is_left_to_the_parser() {
        for odd in ["", "]", "}}}}", "\"", "\"\\", ",,,,", "nope"] {
            assert!(check(odd.as_bytes()).is_ok(), "{odd}");
        }
    }
}
