//! What agents say, shown while they say it: one of them at a time. Whoever speaks beside them is
//! shown when the first has finished.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::failure::Result;
use crate::show::{line, plain, write};
use crate::sse::Sent;

/// A step, and the number of its turn.
type Turn = (String, i64);

#[derive(Default)]
pub(crate) struct Talk {
    /// Whose words go to the screen as they come.
    shown: Option<Turn>,
    /// The others: who they are, and what they said so far.
    waiting: BTreeMap<Turn, (String, String)>,
}

impl Talk {
    pub(crate) fn hear(&mut self, sent: &Sent) -> Result<()> {
        let turn = turn(&sent.data);
        let text = |key: &str| sent.data[key].as_str().unwrap_or_default();
        match sent.kind.as_str() {
            "turn.began" => {
                let who = format!("{} · {} · {}", text("speaker"), turn.0, text("reason"));
                self.waiting.insert(turn, (who.replace(['\n', '\t'], " "), String::new()));
                self.next()
            }
            "turn.text" if self.shown.as_ref() == Some(&turn) => write(&plain(text("text"))),
            "turn.text" => {
                if let Some((_, said)) = self.waiting.get_mut(&turn) {
                    said.push_str(text("text"));
                }
                Ok(())
            }
            "turn.reset" => {
                self.waiting.remove(&turn);
                if self.shown.take_if(|shown| *shown == turn).is_some() {
                    line("\n… what was said here does not count")?;
                }
                self.next()
            }
            _ => Ok(()),
        }
    }

    /// Before the line of a turn that was taken: the rest of what was said in it.
    pub(crate) fn taken(&mut self, step: &str, number: i64) -> Result<()> {
        let turn = (step.to_owned(), number);
        if self.shown.take_if(|shown| *shown == turn).is_some() {
            return line("");
        }
        let Some((who, said)) = self.waiting.remove(&turn) else { return Ok(()) };
        self.pause()?;
        line(&format!("  {who}\n{said}"))
    }

    /// Before any other line: in the middle of somebody's words, it begins on a line of its own.
    pub(crate) fn pause(&self) -> Result<()> {
        if self.shown.is_some() { line("") } else { Ok(()) }
    }

    /// The next one has the screen, if nobody has.
    pub(crate) fn next(&mut self) -> Result<()> {
        if self.shown.is_some() {
            return Ok(());
        }
        let Some((turn, (who, said))) = self.waiting.pop_first() else { return Ok(()) };
        self.shown = Some(turn);
        line(&format!("  {who}"))?;
        write(&plain(&said))
    }
}

fn turn(data: &Value) -> Turn {
    let step = data["step_id"].as_str().unwrap_or_default();
    (step.to_owned(), data["turn"].as_i64().unwrap_or_default())
}
