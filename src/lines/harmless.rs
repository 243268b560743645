//! Lines that do what they say: no character of a value ends a line, moves a cursor or turns the direction of writing.

/// The line with every such character replaced by U+FFFD: controls, so that none ends the line or begins an ANSI sequence,
/// and marks that turn the direction of writing or are invisible.
#[must_use]
pub fn harmless(line: String) -> String {
    // Most lines are visible ASCII. Looks at bytes, all of them, so that the compiler can take many at once.
    let plain = line.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte));
    if plain || !line.chars().any(is_harmful) {
        return line;
    }
    line.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// Controls (ANSI sequences begin with one, C0 or C1); separators that some readers take for line ends; marks that turn the
/// direction of writing, by which a terminal shows another line than was written; and what is invisible.
#[must_use]
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
