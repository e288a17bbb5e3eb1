//! Reading what a step's prose says about its course: where it goes next, and where it waits for a
//! person.

use crate::model::Counts;

/// Lines at which the text stops, told apart by whom it stops for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Halts {
    /// For a person: an approval.
    pub(super) person: Vec<String>,
    /// For good: the run has failed or is over.
    pub(super) stops: usize,
}

const PEOPLE: [&str; 5] = ["user", "human", "your choice", "your numbered", "approval"];
const ASKING: [&str; 11] = [
    "ask ", "choice", "choose", "wait", "select", "confirm", "approve", "answer", "present",
    "decide", "decision",
];

pub(super) fn halts(text: &str) -> Halts {
    let mut halts = Halts::default();
    // A step that says so is meant to run alone: each of its stops is for good.
    let alone = text.to_lowercase().contains("no human interaction");
    for line in text.lines() {
        let lower = line.to_lowercase();
        let about_people = PEOPLE.iter().any(|word| lower.contains(word));
        if ["do not ask", "never ask", "wrong:"].iter().any(|phrase| lower.contains(phrase)) {
            continue;
        }
        let halt = line.contains("HALT");
        let waits = lower.contains("wait for") && about_people;
        let menu = lower.starts_with('#') && lower.contains("menu");
        let signal = lower.contains("when the human") || lower.contains("when the user");
        let asks = about_people && ASKING.iter().any(|word| lower.contains(word));
        if !alone && ((halt && asks) || waits || menu || (signal && asks)) {
            halts.person.push(line.trim().to_owned());
        } else if halt {
            halts.stops += 1;
        }
    }
    halts
}

/// The step files that a text names, in the order of the text: `step-02-plan` for
/// `./steps/step-02-plan.md`.
pub(super) fn step_files(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("step-") {
        let name: String = rest[at..]
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter))
            .collect();
        let after = &rest[at + name.len()..];
        let part_of_word =
            rest[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '-');
        if after.starts_with(".md") && !part_of_word {
            found.push(name);
        }
        rest = after;
    }
    found
}

/// What stands in braces and looks like a name: `{user_name}`, `{agent.icon}`, `{{.key}}`,
/// `{{story_key}}`.
pub(super) fn count_placeholders(text: &str, counts: &mut Counts) {
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        rest = &rest[open..];
        let braces = if rest.starts_with("{{") { 2 } else { 1 };
        let inner = &rest[braces..];
        let length = inner
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte))
            .count();
        let closing = &"}}"[..braces];
        let name = inner[..length].trim_start_matches('.');
        if name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && inner[length..].starts_with(closing)
        {
            let whole = &rest[..braces + length + braces];
            *counts.entry(whole.to_owned()).or_default() += 1;
            rest = &rest[whole.len()..];
        } else {
            rest = &rest[1..];
        }
    }
}

/// Scripts that a text asks to run: the `.py` names on lines that say `uv run` or `python`.
pub(super) fn count_scripts(text: &str, counts: &mut Counts) {
    for line in text.lines() {
        for call in ["uv run ", "python3 ", "python "] {
            for after in line.split(call).skip(1) {
                let Some(end) = after.find(".py") else { continue };
                let path = &after[..end];
                let name = path.rsplit(['/', ' ', '"', '`', '\\']).next().unwrap_or_default();
                if !name.is_empty() {
                    *counts.entry(format!("{name}.py")).or_default() += 1;
                }
            }
        }
    }
}

/// The first heading, without the mark and without `Step 2:` before it.
pub(super) fn title(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("# "))?[2..].trim();
    let bare = match line.split_once(": ") {
        Some((step, rest)) if step.to_lowercase().starts_with("step ") => rest,
        _ => line,
    };
    (!bare.is_empty()).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_for_a_person_is_not_a_halt_for_good() {
        let halts = halts(
            "HALT and give the user a choice:\n- ALWAYS halt and wait for user input\nHALT with status `blocked`\n- Do not ask the user and HALT.\n- WRONG: \"Wait for Story 1 by the user\"\n### Closing menu\nWait for all results.\n",
        );
        assert_eq!(
            halts.person,
            [
                "HALT and give the user a choice:",
                "- ALWAYS halt and wait for user input",
                "### Closing menu"
            ]
        );
        assert_eq!(halts.stops, 1);
    }

    #[test]
    fn a_step_that_runs_alone_waits_for_nobody() {
        let alone = halts(
            "- No human interaction in this step.\nHALT and tell the user, then wait for the user.\n",
        );
        assert_eq!(alone, Halts { person: Vec::new(), stops: 1 });
    }

    #[test]
    fn step_files_are_found_in_every_spelling() {
        assert_eq!(
            step_files(
                "`./step-02-b.md` [[bmad-snapshot:step-oneshot.md]] ./steps/step-1.md step-03 x-step-4.md"
            ),
            ["step-02-b", "step-oneshot", "step-1"]
        );
    }

    #[test]
    fn placeholders_are_counted_and_other_braces_are_not() {
        let mut counts = Counts::new();
        count_placeholders(
            "{a} {{.b}} {{c}} {agent.x} {a} { x } {1} {} {\"k\": {v}} {{d}",
            &mut counts,
        );
        let expected =
            [("{a}", 2), ("{agent.x}", 1), ("{d}", 1), ("{v}", 1), ("{{.b}}", 1), ("{{c}}", 1)];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn script_calls_are_counted_by_name() {
        let mut counts = Counts::new();
        count_scripts(
            "`uv run {project-root}/_bmad/scripts/memlog.py append`, uv run \"a/b.py\"",
            &mut counts,
        );
        assert_eq!(counts, [("b.py".to_owned(), 1), ("memlog.py".to_owned(), 1)].into());
    }

    #[test]
    fn a_title_loses_its_number() {
        assert_eq!(title("x\n# Step 2: Plan: it\n").as_deref(), Some("Plan: it"));
        assert_eq!(title("text"), None);
    }
}
