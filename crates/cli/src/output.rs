//! What the command writes, without a panic where whoever reads it has left: `println!` and its kin have one. And
//! without anything that a terminal would obey: names, headers and reasons come from strangers.

use std::fmt;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::path::Path;

/// Prints a line that the command is run for. Where nobody reads it any more, the command ends well: nothing is left to
/// do. Not for the middle of work that has to be finished: that is `mention!`.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::line(format_args!($($text)*)) };
}

/// Prints a line about work that goes on, whether or not anybody reads it.
macro_rules! mention {
    ($($text:tt)*) => { $crate::output::passing_line(format_args!($($text)*)) };
}

/// Writes a line to the standard error, whether or not anybody reads it.
macro_rules! note {
    ($($text:tt)*) => { $crate::output::aside(format_args!($($text)*)) };
}

/// What `say!` does. Whoever stops reading, as `head` does, has all they asked for.
pub fn line(text: fmt::Arguments<'_>) {
    match writeln!(stdout(), "{}", shown(text)) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            aside(format_args!("error: cannot write to the standard output: {error}"));
            std::process::exit(1)
        }
    }
}

/// What `mention!` does.
pub fn passing_line(text: fmt::Arguments<'_>) {
    // What is mentioned in passing is no reason to leave work half done.
    let _ = writeln!(stdout(), "{}", shown(text));
}

/// Puts a line in the place of the one before it, on a terminal.
pub fn moving_line(text: fmt::Arguments<'_>) {
    let mut terminal = stdout();
    // A terminal that is gone is no reason to stop the work.
    let _ = write!(terminal, "\r\x1b[2K{}", one_line(&text.to_string(), WIDEST)).and_then(|()| terminal.flush());
}

/// What `note!` does.
pub fn aside(text: fmt::Arguments<'_>) {
    // Nowhere is left to say that nothing can be said.
    let _ = writeln!(stderr(), "{}", shown(text));
}

/// The most letters of a line that moves.
const WIDEST: usize = 1_000;

/// Whether a character would do something to a terminal instead of standing there: control characters, and those that
/// turn the direction of writing or break a line.
pub fn is_hidden(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// A stranger's text in a line: nothing in it ends the line, and it is cut after so many letters.
pub fn one_line(text: &str, most: usize) -> String {
    let mut letters = text.chars();
    let mut line = escaped(letters.by_ref().take(most), is_hidden);
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

/// A file's name in a line.
pub fn path(file: &Path) -> String {
    escaped(file.to_string_lossy().chars(), is_hidden)
}

/// Lines that Aria made, with all that may stand in them made harmless.
fn shown(text: fmt::Arguments<'_>) -> String {
    escaped(text.to_string().chars(), |letter| is_hidden(letter) && !matches!(letter, '\n' | '\t'))
}

/// Escapes as JSON has them, so that a document stays the same document.
fn escaped(text: impl Iterator<Item = char>, hides: impl Fn(char) -> bool) -> String {
    let mut safe = String::new();
    for letter in text {
        match letter {
            letter if !hides(letter) => safe.push(letter),
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            letter => safe.push_str(&format!("\\u{:04x}", u32::from(letter))),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead_and_lines_stay_lines() {
        let text = "a\u{1b}[2Jb\rc\u{9b}d\u{202e}e\u{7f}\u{2028}\n\tè";
        assert_eq!(shown(format_args!("{text}")), "a\\u001b[2Jb\\rc\\u009bd\\u202ee\\u007f\\u2028\n\tè");
    }

    #[test]
    fn a_document_means_the_same_after_it_was_made_harmless() {
        let document = serde_json::json!({"reason": "\\\u{202e}\u{1b}\u{9b}\u{7f}\n\r"});
        let told = shown(format_args!("{document:#}"));
        assert!(told.contains("\\u202e") && !told.contains('\u{202e}'), "{told}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&told).unwrap(), document);
    }

    #[test]
    fn a_strangers_text_stays_in_its_line_and_is_cut() {
        assert_eq!(one_line("one\ntwo\t\r", 100), "one\\ntwo\\t\\r");
        assert_eq!(one_line("èèèè", 3), "èèè…");
        assert_eq!(one_line("èèè", 3), "èèè");
        assert_eq!(path(Path::new("a\nb\u{1b}.csv")), "a\\nb\\u001b.csv");
    }
}
