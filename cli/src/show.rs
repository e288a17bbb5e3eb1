//! What goes to the output: lines, tables, JSON. What others wrote cannot steer the terminal.

use std::io::{ErrorKind, Write, stderr, stdout};

use jiff::{Timestamp, Unit};
use serde_json::Value;

use crate::failure::{Failure, Result};

/// A line of output; tabs and line breaks stay.
pub(crate) fn line(text: &str) -> Result<()> {
    write(&format!("{}\n", plain(text)))
}

/// For the person, whatever becomes of the output.
pub(crate) fn notice(text: &str) {
    // Nobody to tell if the terminal is gone.
    let _ = writeln!(stderr().lock(), "{}", plain(text));
}

/// The API's JSON as it came, for people and programs.
pub(crate) fn json(value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::new)?;
    write(&format!("{text}\n"))
}

/// One line of a stream of JSON.
pub(crate) fn json_line(value: &Value) -> Result<()> {
    write(&format!("{value}\n"))
}

pub(crate) fn write(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::nobody_reads()),
        Err(error) => Err(Failure::new(format!("the output cannot be written: {error}"))),
    }
}

/// Columns as wide as their widest cell; the last one ends where it ends.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<()> {
    let head = head.map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).map(|row| cell(&row[column]).chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in [&head].into_iter().chain(rows) {
        let cells = row.iter().zip(&widths).map(|(text, width)| {
            let text = cell(text);
            let gap = width - text.chars().count();
            text + &" ".repeat(gap)
        });
        line(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn cell(text: &str) -> String {
    shortened(&plain(text).split_whitespace().collect::<Vec<_>>().join(" "), 72)
}

/// Without what a terminal would obey, and what would turn the reading direction.
pub(crate) fn plain(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

/// Millionths of a dollar, to the last unit; a price that nobody knows is not zero.
pub(crate) fn money(micros: Option<i64>) -> String {
    let Some(micros) = micros else { return "unknown".into() };
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let fraction = format!("{:06}", micros % 1_000_000);
    let fraction = format!("{:0<2}", fraction.trim_end_matches('0'));
    format!("{sign}${}.{fraction}", micros / 1_000_000)
}

pub(crate) fn time(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

pub(crate) fn took(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("{:.1} s", to.duration_since(from).as_secs_f64()),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cell, money, plain, shortened};

    #[test]
    fn money_is_told_to_the_last_unit_and_an_unknown_price_is_not_zero() {
        assert_eq!(money(Some(0)), "$0.00");
        assert_eq!(money(Some(1)), "$0.000001");
        assert_eq!(money(Some(12_300_000)), "$12.30");
        assert_eq!(money(Some(i64::MIN)), "-$9223372036854.775808");
        assert_eq!(money(None), "unknown");
    }

    #[test]
    fn what_an_agent_says_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\r\u{202e}c\u{9b}d"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d");
        assert_eq!(plain("two\nlines\tstay"), "two\nlines\tstay");
        assert_eq!(cell("one\n  cell "), "one cell");
    }

    #[test]
    fn a_shortened_text_is_cut_between_characters() {
        assert_eq!(shortened("naïveté", 4), "naï…");
    }
}
