//! Where a JSON value ends, without reading what it says: so that records are cut out of a stream one
//! by one, each with its exact text, and judged by the JSON parser alone.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// The value's length in bytes.
    Whole(usize),
    /// The value goes on behind the text.
    More,
    /// No value begins here.
    None,
}

/// The extent of the value that begins at `text[0]`. `eof`: nothing follows `text`.
pub(super) fn extent(text: &[u8], eof: bool) -> Extent {
    match text.first() {
        None if eof => Extent::None,
        None => Extent::More,
        Some(b'{' | b'[' | b'"') => bracketed(text),
        Some(b']' | b'}' | b',' | b':') => Extent::None,
        Some(_) => {
            let stops = |b: &u8| matches!(b, b',' | b']' | b'}' | b'{' | b'[' | b':' | b'"') || b.is_ascii_whitespace();
            match text.iter().position(stops) {
                Some(length) => Extent::Whole(length),
                None if eof => Extent::Whole(text.len()),
                None => Extent::More,
            }
        }
    }
}

fn bracketed(text: &[u8]) -> Extent {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match string_end(text, at) {
                Some(end) => at = end,
                None => return Extent::More,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Extent::Whole(at);
        }
    }
    Extent::More
}

/// The closing quote of the string that opens at `open`.
fn string_end(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        for (text, found) in [
            ("{\"a\":\"}\\\"\"} x", Extent::Whole(11)),
            ("[1,[2]],3", Extent::Whole(7)),
            ("\"a\\\\\"b", Extent::Whole(5)),
            ("12.5,", Extent::Whole(4)),
            ("null]", Extent::Whole(4)),
            ("12", Extent::Whole(2)),
            ("{\"a\":1", Extent::More),
            ("\"ab\\", Extent::More),
            ("]", Extent::None),
            ("", Extent::None),
        ] {
            assert_eq!(extent(text.as_bytes(), true), found, "{text:?}");
        }
        assert_eq!(extent(b"12", false), Extent::More);
        assert_eq!(extent(b"", false), Extent::More);
    }
}
