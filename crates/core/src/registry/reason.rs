//! Reasons in a registry's document, and how long they may be.

/// The most bytes that a reason takes in a registry's document; longer ones are cut. With as many as it lists, each
/// with the longest reason, a registry fits its cell: one that did not could never be moved again.
pub const LONGEST_REASON: usize = 500;

/// What stands in place of the rest of a cut reason.
const CUT: char = '…';

/// The bytes that a reason takes in a document: one for each plain letter, more for others.
pub fn reason_bytes(reason: &str) -> usize {
    reason.chars().map(encoded_bytes).sum()
}

fn encoded_bytes(letter: char) -> usize {
    match letter {
        '"' | '\\' => 2,
        // As \u0000.
        letter if letter.is_ascii_control() => 6,
        letter => letter.len_utf8(),
    }
}

pub(super) fn cut(reason: &str) -> String {
    if reason_bytes(reason) <= LONGEST_REASON {
        return reason.to_owned();
    }
    let mut bytes = encoded_bytes(CUT);
    let fits = |letter: &char| {
        bytes += encoded_bytes(*letter);
        bytes <= LONGEST_REASON
    };
    reason.chars().take_while(fits).chain([CUT]).collect()
}
