//! What the command writes, without a panic where whoever reads it has left: `println!` and its kin have one.

use std::fmt;
use std::io::{ErrorKind, Write, stderr, stdout};

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
    match writeln!(stdout(), "{text}") {
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
    let _ = writeln!(stdout(), "{text}");
}

/// Puts a line in the place of the one before it, on a terminal.
pub fn moving_line(text: fmt::Arguments<'_>) {
    let mut terminal = stdout();
    // A terminal that is gone is no reason to stop the work.
    let _ = write!(terminal, "\r\x1b[2K{text}").and_then(|()| terminal.flush());
}

/// What `note!` does.
pub fn aside(text: fmt::Arguments<'_>) {
    // Nowhere is left to say that nothing can be said.
    let _ = writeln!(stderr(), "{text}");
}
