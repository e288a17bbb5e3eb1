//! What a message says aloud that outlives it: decisions and open questions, each on a line of its
//! own, in English or Dutch: `Decision: …`, `Open question Q3: …`, `Answer Q3: …`, `Besluit: …`.

/// A marked line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark<'a> {
    pub sort: Sort,
    /// What a question or answer is called, such as `Q3`.
    pub id: Option<&'a str>,
    pub text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Decision,
    Question,
    /// Closes the question of the same name.
    Answer,
}

// The longer of two that begin alike comes first.
const LABELS: [(&str, Sort); 12] = [
    ("decision", Sort::Decision),
    ("decided", Sort::Decision),
    ("we decided", Sort::Decision),
    ("besluit", Sort::Decision),
    ("besloten", Sort::Decision),
    ("open question", Sort::Question),
    ("openstaande vraag", Sort::Question),
    ("open vraag", Sort::Question),
    ("answered", Sort::Answer),
    ("answer", Sort::Answer),
    ("beantwoord", Sort::Answer),
    ("antwoord", Sort::Answer),
];
/// Bytes of a question's name.
const LONGEST_ID: usize = 12;

/// The marked lines of a message, in order.
pub fn marks(text: &str) -> impl Iterator<Item = Mark<'_>> {
    text.lines().filter_map(mark)
}

fn mark(line: &str) -> Option<Mark<'_>> {
    // List signs and emphasis of Markdown stand before, and around, a label.
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || "-*>#_•".contains(c));
    let first = line.as_bytes().first()?.to_ascii_lowercase();
    if !b"dwboa".contains(&first) {
        return None;
    }
    let (rest, sort) = LABELS.iter().find_map(|(label, sort)| {
        let head = line.get(..label.len())?;
        head.eq_ignore_ascii_case(label).then(|| (&line[label.len()..], *sort))
    })?;
    let (id, text) = rest.split_once(':')?;
    let id = id.trim_matches(|c: char| c.is_whitespace() || "*_".contains(c));
    let named = id.len() <= LONGEST_ID && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let text = text.trim_matches(|c: char| c.is_whitespace() || "*_".contains(c));
    (named && !text.is_empty()).then_some(Mark { sort, id: (!id.is_empty()).then_some(id), text })
}

#[cfg(test)]
mod tests {
    use super::{Mark, Sort, marks};

    #[test]
    fn marks_are_lines_that_begin_with_a_label_in_either_language() {
        let text = "Well.\n- **Decision:** ship in May.\n> Open question Q3: who pays?\n\
                    Besluit: we wachten.\nopenstaande vraag: waar?\nAnswer q3: Ben.\n\
                    The decision: none.\nDecisions were made.\nDecision about: this\nDecision:";
        let mark = |sort, id, text| Mark { sort, id, text };
        let expected = [
            mark(Sort::Decision, None, "ship in May."),
            mark(Sort::Question, Some("Q3"), "who pays?"),
            mark(Sort::Decision, None, "we wachten."),
            mark(Sort::Question, None, "waar?"),
            mark(Sort::Answer, Some("q3"), "Ben."),
            mark(Sort::Decision, Some("about"), "this"),
        ];
        assert_eq!(marks(text).collect::<Vec<_>>(), expected);
    }
}
