//! How much a status may carry. The sum, base64-encoded, stays under 8 KiB, which a test asserts for the worst case.

/// Bytes of the message; it is sent twice, as a header and inside the details.
pub const MESSAGE_BYTES_MAX: usize = 300;
/// Bytes of one metadata value.
pub const METADATA_VALUE_BYTES_MAX: usize = 200;
/// Bytes of all metadata together. Pairs that no longer fit are left out.
pub const METADATA_BYTES_MAX: usize = 1000;
/// Field violations of one status.
pub const VIOLATIONS_MAX: usize = 50;
/// Bytes of a violation's field path, and again of its description.
pub const VIOLATION_TEXT_BYTES_MAX: usize = 200;
/// Bytes of all violations together.
pub const VIOLATIONS_BYTES_MAX: usize = 3200;

/// The text, cut at a character boundary so that it fits, with an ellipsis where something was lost.
pub fn cut(text: &str, max_bytes: usize) -> String {
    const ELLIPSIS: char = '…';
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let room = max_bytes.saturating_sub(ELLIPSIS.len_utf8());
    let mut cut = text[..text.floor_char_boundary(room)].to_owned();
    cut.push(ELLIPSIS);
    cut
}
