//! Tells what bytes are by how they begin, so that what is no table is named for what it is.

use super::broken::BrokenReason;
use crate::artifact::Format;

/// How far into a text is looked for bytes that no text has.
const LOOKED_AT: usize = 8 << 10;
const PARQUET: &[u8] = b"PAR1";
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What bytes with a beginning are.
enum Found {
    Compressed(&'static str),
    NotATable(&'static str),
    NotUtf8(&'static str),
}

const BEGINNINGS: [(&[u8], Found); 13] = [
    (b"\x1F\x8B", Found::Compressed("compressed with gzip")),
    (b"PK\x03\x04", Found::Compressed("a zip archive or a spreadsheet")),
    (b"\x28\xB5\x2F\xFD", Found::Compressed("compressed with zstd")),
    (b"BZh", Found::Compressed("compressed with bzip2")),
    (b"\xFD7zXZ\x00", Found::Compressed("compressed with xz")),
    (b"7z\xBC\xAF\x27\x1C", Found::Compressed("a 7-Zip archive")),
    (b"PARE", Found::NotATable("an encrypted Parquet file")),
    (b"\x89PNG", Found::NotATable("a PNG image")),
    (b"\xFF\xD8\xFF", Found::NotATable("a JPEG image")),
    (b"%PDF", Found::NotATable("a PDF document")),
    (b"\xD0\xCF\x11\xE0", Found::NotATable("an old Office document")),
    (b"\xFF\xFE", Found::NotUtf8("UTF-16")),
    (b"\xFE\xFF", Found::NotUtf8("UTF-16")),
];

/// The bytes of the table, without the mark that some programs put before UTF-8 text.
pub(crate) fn table_bytes(format: Format, bytes: &[u8]) -> Result<&[u8], BrokenReason> {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(BrokenReason::Empty);
    }
    if let Some((_, found)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Err(match found {
            Found::Compressed(found) => BrokenReason::Compressed { found },
            Found::NotATable(found) => BrokenReason::NotATable { found },
            Found::NotUtf8(found) => BrokenReason::NotUtf8 { found },
        });
    }
    match (format, bytes.starts_with(PARQUET)) {
        (Format::Parquet, true) => Ok(bytes),
        (Format::Parquet, false) => Err(no_parquet(text)),
        (_, true) => Err(BrokenReason::OtherFormat { declared: format.as_str(), found: "parquet" }),
        (_, false) => check_text(text).map(|()| text),
    }
}

fn no_parquet(text: &[u8]) -> BrokenReason {
    match check_text(text) {
        Ok(()) => BrokenReason::OtherFormat { declared: Format::Parquet.as_str(), found: "text" },
        Err(reason) => reason,
    }
}

fn check_text(text: &[u8]) -> Result<(), BrokenReason> {
    if text.trim_ascii_start().first() == Some(&b'<') {
        return Err(BrokenReason::NotATable { found: "an HTML or XML page" });
    }
    let beginning = text.get(..LOOKED_AT).unwrap_or(text);
    if beginning.contains(&0) {
        return Err(BrokenReason::NotATable { found: "binary data" });
    }
    Ok(())
}
