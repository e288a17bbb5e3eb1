//! What a member of a room is told of it, and asked in its turn. Pure.

use std::fmt::Write;

use rooms::model::Condition;
use rooms::{Choice, Room, Task};

use crate::model::{Claim, Member};
use crate::prompt::{Turn, called, task_of, who};

/// `None` when the room is no room of the step.
pub(crate) fn of(claim: &Claim, choice: &Choice) -> Option<String> {
    let step = &claim.pinned.step;
    let room = step.room.as_ref()?.at(&choice.mark.path)?;
    Some(match &choice.task {
        Task::Speak(work) => {
            let mut task = task_of(&step.instruction, &step.title);
            if let Some(work) = work {
                // Writing to a String cannot fail.
                let _ = write!(task, "\n\nYour part now: {}", work.trim());
            }
            task.push_str("\n\nSpeak for yourself, to the point, in a few sentences.");
            task.push_str(&handing_over(claim, room, &choice.member));
            if wants_positions(room) {
                task.push_str(
                    " End with a line `POSITION:` that says in a few words what you hold.",
                );
            }
            task
        }
        Task::Close { fields, dissent } => closing(fields, dissent),
    })
}

/// Who the others are, where the room wants that told.
pub(crate) fn introductions(claim: &Claim, room: Option<&Room>, speaker: &Member) -> String {
    let Some(room) = room.filter(|room| room.introductions) else { return String::new() };
    let others = claim.cast.iter().filter(|member| {
        member.reference != speaker.reference && room.members.contains(&member.reference)
    });
    let lines: Vec<_> = others.map(|member| format!("- {}", who(member))).collect();
    lines.join("\n")
}

/// The room of a turn: the step's, or one within.
pub(crate) fn room_of<'a>(claim: &'a Claim, turn: &Turn<'_>) -> Option<&'a Room> {
    let room = claim.pinned.step.room.as_ref()?;
    turn.selection.as_ref().and_then(|choice| room.at(&choice.mark.path))
}

fn closing(fields: &[String], dissent: &[String]) -> String {
    let mut task = match fields {
        [] => {
            "Sum up this discussion: what was decided, what stays open, who does what.".to_owned()
        }
        fields => format!(
            "Sum up this discussion as one JSON object with exactly these fields, null for what \
             was not settled, and nothing around it: {}",
            fields.join(", ")
        ),
    };
    if !dissent.is_empty() && fields.is_empty() {
        let _ = write!(
            task,
            " Not all came to hold the same. Report fairly what was held against it:\n- {}",
            dissent.join("\n- ")
        );
    }
    task
}

fn handing_over(claim: &Claim, room: &Room, member: &str) -> String {
    let rules = room.handoffs.iter().filter(|rule| rule.from == member);
    let mut names: Vec<&str> =
        rules.flat_map(|rule| &rule.to).map(|to| called(claim, to)).collect();
    names.dedup();
    if names.is_empty() {
        return String::new();
    }
    format!(
        " If it is for somebody else to go on, end with a line `HANDOFF: name`; you may hand over to \
         {}.",
        names.join(", ")
    )
}

/// Whether anything in the room is decided or reported by what members hold.
fn wants_positions(room: &Room) -> bool {
    let mut open: Vec<&Condition> = room.until.iter().collect();
    while let Some(condition) = open.pop() {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => open.extend(parts),
            Condition::Agreement(_) => return true,
            _ => {}
        }
    }
    room.first_takes || room.minority_report
}
