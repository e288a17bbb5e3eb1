//! The shape of a JSON text, looked at before anything is built from it: one pass over its bytes,
//! no memory. Whether it is JSON at all is for the parser to say, which comes next.

use crate::{Error, Result};

/// Objects and arrays within each other. The deepest of ours, a workflow's step, has eight.
pub const DEEPEST: usize = 32;
/// Elements of one array, or members of one object.
pub const MOST_MEMBERS: usize = 10_000;
/// All of them together: what a tree of JSON costs in memory follows from this, not from its bytes.
pub(super) const MOST_VALUES: usize = 50_000;

pub(super) fn check(json: &[u8]) -> Result<()> {
    let mut members = [0_usize; DEEPEST];
    let mut depth = 0;
    let mut values = 0;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
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

/// To behind the closing quote.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
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
    fn p4_what_is_no_json_is_left_to_the_parser() {
        for odd in ["", "]", "}}}}", "\"", "\"\\", ",,,,", "nope"] {
            assert!(check(odd.as_bytes()).is_ok(), "{odd}");
        }
    }
}
