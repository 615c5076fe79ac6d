//! Reasons that a person gives on the command line, for the record.

use aria_core::registry::{LONGEST_REASON, reason_bytes};

use crate::output::is_hidden;

/// A reason that the record can keep and every terminal can show; for clap.
///
/// # Errors
/// With what is wrong and the next step.
pub fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty: say why, for the record".to_owned());
    }
    if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        let code = u32::from(hidden);
        return Err(format!("it holds the control character U+{code:04X}: give one line of plain text"));
    }
    let length = reason_bytes(text);
    if length > LONGEST_REASON {
        return Err(format!(
            "it takes {length} bytes and may take {LONGEST_REASON}, one for each plain letter: say it in fewer words"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line_of_plain_text_of_at_most_500_letters() {
        assert_eq!(reason("peggio di notte: è \"guasto\"").as_deref(), Ok("peggio di notte: è \"guasto\""));
        assert!(reason(&"x".repeat(500)).is_ok());
        let refused = [
            ("", "it is empty"),
            (" \t", "it is empty"),
            (&"x".repeat(501), "takes 501 bytes and may take 500"),
            (&"è".repeat(251), "takes 502 bytes and may take 500"),
            ("one\ntwo", "U+000A"),
            ("\u{1b}[2J", "U+001B"),
            ("\u{202e}live", "U+202E"),
        ];
        for (text, expected) in refused {
            let told = reason(text).unwrap_err();
            assert!(told.contains(expected), "{told}");
        }
    }
}
