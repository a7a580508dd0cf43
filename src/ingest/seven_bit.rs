//! Encodings that write other characters with the bytes of ASCII, and so are UTF-8 to the letter: HZ (Chinese mail) and
//! UTF-7. Only what can be nothing else is told, for a file may hold the same characters by chance.

/// What the head of a text of nothing but ASCII is written in, and the line that shows it first.
pub(super) fn seven_bit(head: &str) -> Option<(&'static str, u64)> {
    if !head.is_ascii() {
        return None;
    }
    let (name, at) = hz(head).map(|at| ("HZ", at)).or_else(|| utf7(head).map(|at| ("UTF-7", at)))?;
    Some((name, head[..at].matches('\n').count() as u64 + 1))
}

/// `~{` and `~}` around pairs of bytes that are all characters of GB 2312, two of them or more.
fn hz(head: &str) -> Option<usize> {
    let (mut characters, mut first) = (0, None);
    for (at, _) in head.match_indices("~{") {
        let rest = &head[at + 2..];
        let shifted = rest.split(['\n', '\r']).next().unwrap_or_default();
        let inside = shifted.split("~}").next().filter(|inside| inside.len() < shifted.len())?.as_bytes();
        let is_pair = |pair: &[u8]| matches!(pair, [0x21..=0x77, 0x21..=0x7E]);
        if inside.is_empty() || !inside.chunks(2).all(is_pair) {
            return None;
        }
        let high: Vec<u8> = inside.iter().map(|b| b | 0x80).collect();
        let (text, broken) = encoding_rs::GBK.decode_without_bom_handling(&high);
        if broken {
            return None;
        }
        characters += text.chars().count();
        first.get_or_insert(at);
    }
    first.filter(|_| characters > 1)
}

/// Every `+` begins base64 of UTF-16 that a `-` ends, three times or more, and what it comes to are different
/// letters of one script.
fn utf7(head: &str) -> Option<usize> {
    let mut letters: Vec<char> = Vec::new();
    let (mut times, mut first, mut rest, mut at) = (0, None, head, 0);
    while let Some(plus) = rest.find('+') {
        let code = &rest[plus + 1..];
        let length = code.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))).unwrap_or(code.len());
        if !code[length..].starts_with('-') {
            return None;
        }
        if length > 0 {
            letters.extend(letters_of(&code[..length])?);
            times += 1;
            first.get_or_insert(at + plus);
        }
        (rest, at) = (&code[length + 1..], at + plus + length + 2);
    }
    let script = |c: &char| match c {
        '\u{a0}'..='\u{24f}' => 0,
        '\u{370}'..='\u{3ff}' => 1,
        '\u{400}'..='\u{52f}' => 2,
        '\u{590}'..='\u{6ff}' => 3,
        '\u{3040}'..='\u{9fff}' => 4,
        '\u{ac00}'..='\u{d7a3}' => 5,
        _ => 6,
    };
    let is_one_script = letters.first().map(script).is_some_and(|of| of < 6 && letters.iter().all(|c| script(c) == of));
    let is_varied = letters.iter().any(|c| Some(c) != letters.first());
    first.filter(|_| times > 2 && is_one_script && is_varied)
}

/// Base64 of UTF-16, as letters; `None` where it is none.
fn letters_of(code: &str) -> Option<Vec<char>> {
    let (mut bits, mut held, mut units) = (0_u32, 0, Vec::new());
    for byte in code.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        (bits, held) = ((bits << 6 | u32::from(value)) & 0x3F_FFFF, held + 6);
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held & 0xFFFF).ok()?);
        }
    }
    let is_padding = held < 6 && bits & ((1 << held) - 1) == 0;
    let text = String::from_utf16(&units).ok().filter(|_| is_padding)?;
    text.chars().all(|c| c.is_alphabetic() && !c.is_ascii()).then(|| text.chars().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hz_and_utf7_are_told_at_the_line_that_shows_them() {
        for (text, told) in [
            ("id,name\n1,~{VPND~}\n", Some(("HZ", 2))),
            ("id,name\n1,a\n2,~{Au~}\n3,~{ND~} Ltd\n", Some(("HZ", 3))),
            ("name,n\nM+APw-ller,1\nJos+AOk-,2\nA+AOkA6AD8-,3\nC+-D,4\n", Some(("UTF-7", 2))),
            ("+BBwEPgRBBDoEMgQw-,+BBoEOAQ1BDI-,+BCEEIwRF-\n", Some(("UTF-7", 1))),
        ] {
            assert_eq!(seven_bit(text), told, "{text}");
        }
    }

    #[test]
    fn what_may_be_chance_is_text() {
        for text in [
            "sku,n\nE3+EMS-Annual,1\nA+BCE-1,2\n",
            "sku,n\nE3+BCE-1,1\nE3+BCE-1,2\nE3+BCE-1,3\n",
            "sku,n\nA+BCE-1,1\nB+BDE-1,2\nC+BEE-1,3\nM365+AZURE,4\n",
            "when\n2026-10-01T00:00:00+02:00\nM+APw-ller\nJos+AOk-\n+AOg-\n",
            "phone\n+1-555-0100\n+49-30-1\n+44-20-2\n",
            "a,~{b},~}\n",
            "~{~a~}\n",
            "~{a~}\n",
            "~{ab~}\n",
            "+--+--+--+\n| a | b |\n",
            "M+APw-ller,~{VPND~},é\n",
            "",
        ] {
            assert_eq!(seven_bit(text), None, "{text}");
        }
    }
}
