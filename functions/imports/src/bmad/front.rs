//! The YAML between two `---` lines at the top of a Markdown file.

use super::yaml::{self, Node};

pub(super) struct Document {
    pub(super) front: Node,
    pub(super) body: String,
}

/// A file without front matter is all body.
pub(super) fn split(text: &str) -> Result<Document, String> {
    let Some(rest) = text.strip_prefix("---\n") else {
        return Ok(Document { front: Node::Null, body: text.to_owned() });
    };
    // The closing line may follow at once.
    let (front, body) = if let Some(body) = rest.strip_prefix("---\n") {
        ("", body)
    } else if let Some((front, body)) = rest.split_once("\n---\n") {
        (front, body)
    } else if let Some(front) = rest.strip_suffix("\n---") {
        (front, "")
    } else {
        return Err("its front matter is not closed by a line `---`".to_owned());
    };
    let front = if front.trim().is_empty() {
        Node::Null
    } else {
        yaml::parse(front).map_err(|error| format!("its front matter is not YAML: {error}"))?
    };
    Ok(Document { front, body: body.trim_start_matches('\n').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_and_body_come_apart() {
        let document = split("---\nname: x\n---\n\n# Title\n").unwrap();
        assert_eq!(document.front.text_at("name").as_deref(), Some("x"));
        assert_eq!(document.body, "# Title\n");
    }

    #[test]
    fn a_file_may_have_none_or_an_empty_one() {
        assert_eq!(split("# Title").unwrap().body, "# Title");
        assert_eq!(split("---\n---\n\ntext").unwrap().body, "text");
        assert_eq!(split("---\nname: x\n---").unwrap().body, "");
    }

    #[test]
    fn an_open_or_broken_one_is_said() {
        assert!(split("---\nname: x\n").is_err());
        assert!(split("---\nname: [\n---\n").is_err());
    }
}
