//! Markdown that no text from data can break out of.

use std::fmt::Write as _;

/// What stands for a figure that cannot be computed.
pub(super) const NONE: &str = "–";

/// A stranger's text as plain text in a line.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for letter in text.chars() {
        match letter {
            letter if letter.is_control() => safe.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// A table of cells that are safe already.
pub(super) fn table(text: &mut String, heads: &[&str], rows: &[Vec<String>]) -> std::fmt::Result {
    writeln!(text, "| {} |", heads.join(" | "))?;
    writeln!(text, "|{}", " --- |".repeat(heads.len()))?;
    for row in rows {
        writeln!(text, "| {} |", row.join(" | "))?;
    }
    Ok(())
}

/// A figure in the series' unit.
pub(super) fn figure(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| if value.abs() < 1.0 { format!("{value:.3}") } else { format!("{value:.2}") })
}

/// A share in per cent.
pub(super) fn share(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{:.1} %", 100.0 * value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_data_stays_text_in_its_line() {
        assert_eq!(escaped("a|b\n# <i>`c`"), "a\\|b \\# \\<i\\>\\`c\\`");
    }

    #[test]
    fn a_table_has_a_line_for_its_heads_and_each_row() {
        let mut text = String::new();
        table(&mut text, &["a", "b"], &[vec!["1".to_owned(), figure(None)]]).unwrap();
        assert_eq!(text, "| a | b |\n| --- | --- |\n| 1 | – |\n");
    }
}
