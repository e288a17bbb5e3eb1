//! A table of words for the terminal.

/// Columns as wide as their widest cell, two spaces apart, nothing at the ends of lines.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.chain([head[at].chars().count()]).max().unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: [&str; N]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("  {}\n", padded.join("  ").trim_end())
    };
    let rule = widths.map(|width| "-".repeat(width));
    let body = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    [line(head), line(rule.each_ref().map(String::as_str))].into_iter().chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "é".to_owned()], ["long".to_owned(), String::new()]];
        assert_eq!(table(["x", "yy"], &rows), "  x     yy\n  ----  --\n  a     é\n  long\n");
    }
}
