//! Taking the activation out of a skill's prose.
//!
//! Every skill begins by telling a model to run a local script that merges settings, to load files,
//! and to greet. Here the merge is done at import and nothing is run, so those lines go, one by one
//! and counted; what stands between them and says something of its own stays.

/// Sections under "On Activation" that only tell how to start.
const STEPS: [&str; 9] = [
    "resolve the agent block",
    "resolve the workflow block",
    "execute prepend steps",
    "adopt persona",
    "load persistent facts",
    "load config",
    "greet the user",
    "execute append steps",
    "dispatch or present the menu",
];

/// A sentence that names one of these is about starting and about nothing else.
const SENTENCES: [&str; 12] = [
    "resolve_customization.py",
    "resolve_config.py",
    "render_skill.py",
    "activation_steps_prepend",
    "activation_steps_append",
    ".persistent_facts}`",
    "`{skill-root}/customize.toml`",
    "/config.yaml",
    "/config.toml",
    "activation is complete",
    "do not begin the main workflow until all activation",
    "missing keys → neutral defaults",
];

/// How paths in a skill are to be read: true of every skill, so said by none.
const CONVENTIONS: [&str; 6] = [
    "- bare paths",
    "- `{skill-root}`",
    "- `{project-root}`",
    "- `{skill-name}`",
    "- `{workflow.<name>}`",
    "- `{agent.<name>}`",
];

pub(super) struct Stripped {
    pub(super) text: String,
    /// Sections, list items and sentences that were taken out.
    pub(super) removed: usize,
}

pub(super) fn strip(body: &str) -> Stripped {
    let mut kept = String::with_capacity(body.len());
    let mut removed = 0;
    // The level of the "On Activation" heading while inside of it.
    let mut activation: Option<usize> = None;
    let mut skipping = false;
    let mut conventions = false;
    for block in blocks(body) {
        if let Some((level, title)) = heading(block) {
            if activation.is_some_and(|outer| level <= outer) {
                activation = None;
            }
            let title = title.to_lowercase();
            conventions = title == "conventions" || title == "resolution rules";
            if title == "on activation" || title == "activation" {
                activation = Some(level);
            }
            skipping = activation.is_some() && STEPS.contains(&without_number(&title));
            removed += usize::from(skipping);
            if !skipping {
                kept.push_str(block);
            }
            continue;
        }
        if skipping {
            continue;
        }
        let (text, gone) = if conventions {
            without_conventions(block)
        } else if activation.is_some() {
            without_sentences(block)
        } else {
            (block.to_owned(), 0)
        };
        removed += gone;
        kept.push_str(&text);
    }
    Stripped { text: tidy(&kept), removed }
}

/// Headings, fenced code and everything between blank lines or list items, each with its line ends.
fn blocks(body: &str) -> Vec<&str> {
    let mut blocks = Vec::new();
    let mut start = 0;
    let mut at = 0;
    let mut fenced = false;
    for line in body.split_inclusive('\n') {
        let is_fence = line.trim_start().starts_with("```");
        let begins = !fenced && (heading(line).is_some() || is_item(line) || is_fence);
        if begins && at > start {
            blocks.push(&body[start..at]);
            start = at;
        }
        at += line.len();
        let ends = (is_fence && fenced)
            || (!fenced && !is_fence && (line.trim().is_empty() || heading(line).is_some()));
        if is_fence {
            fenced = !fenced;
        }
        if ends {
            blocks.push(&body[start..at]);
            start = at;
        }
    }
    if start < body.len() {
        blocks.push(&body[start..]);
    }
    blocks
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line[level..].strip_prefix(' ')?;
    (1..=6).contains(&level).then(|| (level, title.lines().next().unwrap_or_default().trim()))
}

fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    line.starts_with("- ") || (digits > 0 && line[digits..].starts_with(". "))
}

fn without_number(title: &str) -> &str {
    match title.strip_prefix("step ").and_then(|rest| rest.split_once(": ")) {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => rest,
        _ => title,
    }
}

fn without_conventions(block: &str) -> (String, usize) {
    let start = block.to_lowercase();
    if CONVENTIONS.iter().any(|line| start.starts_with(line)) {
        return (String::new(), 1);
    }
    (block.to_owned(), 0)
}

fn without_sentences(block: &str) -> (String, usize) {
    let says_start = |sentence: &str| {
        let sentence = sentence.to_lowercase();
        SENTENCES.iter().any(|marker| sentence.contains(marker))
    };
    if block.trim_start().starts_with("```") {
        let gone = says_start(block);
        return (if gone { String::new() } else { block.to_owned() }, usize::from(gone));
    }
    let mark = if is_item(block) { block.find(' ').map_or(0, |at| at + 1) } else { 0 };
    let (mark, text) = block.split_at(mark);
    let mut kept = String::new();
    let mut gone = 0;
    for sentence in sentences(text) {
        if says_start(sentence) {
            gone += 1;
        } else {
            kept.push_str(sentence);
        }
    }
    if gone == 0 {
        return (block.to_owned(), 0);
    }
    if kept.trim().is_empty() {
        return ("\n".to_owned(), gone);
    }
    (format!("{mark}{}\n", kept.trim_end()), gone)
}

/// Cut after `. ` and line feeds, but not inside of backticks.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        if letter == '`' {
            quoted = !quoted;
        }
        if letter == '\n' || (letter == ' ' && before == '.' && !quoted) {
            sentences.push(&text[start..=at]);
            start = at + 1;
        }
        before = letter;
    }
    if start < text.len() {
        sentences.push(&text[start..]);
    }
    sentences
}

/// Without the headings under which nothing is left, and without runs of blank lines.
fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced && let Some((level, _)) = heading(line) {
            drop_empty_headings(&mut lines, level);
        }
        if line.trim().is_empty() && lines.last().is_none_or(|last| last.trim().is_empty()) {
            continue;
        }
        lines.push(line);
    }
    drop_empty_headings(&mut lines, 1);
    lines.join("\n").trim().to_owned()
}

/// A heading directly before another one of the same or a higher rank has nothing of its own; the
/// title stays.
fn drop_empty_headings(lines: &mut Vec<&str>, next: usize) {
    loop {
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        let empty = lines
            .last()
            .and_then(|line| heading(line))
            .is_some_and(|(level, _)| level >= next && level > 1);
        if !empty {
            break;
        }
        lines.pop();
    }
    if !lines.is_empty() {
        lines.push("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKILL: &str = "# Title

Goal: stay.

## Conventions

- Bare paths resolve from the skill root.
- `{doc_workspace}` is the bound run folder.

## On Activation

### Step 1: Resolve the Workflow Block

Run: `uv run {project-root}/_bmad/scripts/resolve_customization.py --key workflow`

1. `{skill-root}/customize.toml` — defaults

### Step 2: Find the brief

Look in the inbox first.

### Step 3: Execute Append Steps

Execute each entry in `{workflow.activation_steps_append}` in order.

## Work

Do it.
";

    #[test]
    fn activation_goes_and_the_rest_stays() {
        let stripped = strip(SKILL);
        assert_eq!(
            stripped.text,
            "# Title\n\nGoal: stay.\n\n## Conventions\n\n- `{doc_workspace}` is the bound run folder.\n\n## On Activation\n\n### Step 2: Find the brief\n\nLook in the inbox first.\n\n## Work\n\nDo it."
        );
        assert_eq!(stripped.removed, 3);
    }

    #[test]
    fn a_list_loses_sentences_and_not_what_else_it_says() {
        let stripped = strip(
            "## On Activation\n\n1. Resolve: `uv run resolve_customization.py --key w`. On failure, read `{skill-root}/customize.toml` directly.\n2. Run `{workflow.activation_steps_prepend}`. Sources are org tools. Prefer them.\n\nActivation is complete.\n",
        );
        assert_eq!(stripped.text, "## On Activation\n\n2. Sources are org tools. Prefer them.");
        assert_eq!(stripped.removed, 4);
    }

    #[test]
    fn headings_in_code_are_code() {
        let text = "## Work\n\n```\n# not a heading\n## nor this\n```";
        assert_eq!(strip(text).text, text);
        assert_eq!(strip(text).removed, 0);
    }
}
