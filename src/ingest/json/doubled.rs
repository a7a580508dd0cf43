//! A record that says two things under one name. JSON leaves open which of them counts, and parsers drop one in
//! silence, so such a record is no record.

use serde_json::Value;

use super::super::extent::{Extent, extent};

/// How many members an object's text has, those of objects within it too: each has one colon outside of strings.
pub(super) fn members(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut count, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
                    at += found;
                    if bytes[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
            }
            b':' => count += 1,
            _ => {}
        }
        at += 1;
    }
    count
}

/// How many members a parsed value has, in all its objects.
pub(super) fn members_of(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len() + object.values().map(members_of).sum::<usize>(),
        Value::Array(list) => list.iter().map(members_of).sum(),
        _ => 0,
    }
}

/// A name that has two different values in one object.
#[derive(Debug, PartialEq)]
pub(super) struct Doubled {
    pub name: String,
    pub values: [String; 2],
    /// Where the second stands in the text.
    pub at: usize,
}

/// The first of a text that a parser found to be well formed.
pub(super) fn doubled(text: &str) -> Option<Doubled> {
    value(text, 0)
}

fn value(text: &str, at: usize) -> Option<Doubled> {
    let open = *text.as_bytes().get(at)?;
    if !matches!(open, b'{' | b'[') {
        return None;
    }
    let mut seen: Vec<(String, &str)> = Vec::new();
    let mut at = at + 1;
    loop {
        at = behind_blanks(text, at, |b| b == b',');
        let mut begins = at;
        if open == b'{' {
            let key = piece(text, at)?;
            at = behind_blanks(text, at + key.len(), |b| b == b':');
            let (name, value) = (serde_json::from_str::<String>(key).ok()?, piece(text, at)?);
            let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
            if let Some((_, first)) =
                seen.iter().find(|(known, first)| *known == name && parsed(first) != parsed(value))
            {
                return Some(Doubled { name, values: [(*first).to_string(), value.to_string()], at: begins });
            }
            seen.push((name, value));
            begins = at;
        }
        let length = piece(text, begins)?.len();
        if let Some(found) = value(text, begins) {
            return Some(found);
        }
        at = begins + length;
    }
}

fn behind_blanks(text: &str, from: usize, or: fn(u8) -> bool) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().take_while(|b| b.is_ascii_whitespace() || or(**b)).count()
}

/// The value that begins there; none where the object or list closes.
fn piece(text: &str, at: usize) -> Option<&str> {
    match extent(text.as_bytes().get(at..)?, true) {
        Extent::Whole(length) => text.get(at..at + length),
        Extent::More | Extent::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_two_values_is_found_at_any_depth() {
        for (text, name, at) in [
            (r#"{"a":1,"a":2}"#, "a", 7),
            (r#"{"x":"a:\"","b" : {"c":[1,{"d":1 , "d":"1"}]}}"#, "d", 35),
            (r#"{"a":{"x":1},"a":{"x":1},"a":null}"#, "a", 25),
            (r#"{"a":1,"\u0061":2}"#, "a", 7),
            (r#"[{"a":1},{"b":{},"b":[]}]"#, "b", 17),
        ] {
            let found = doubled(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.name.as_str(), found.at), (name, at), "{text}");
        }
        for text in [r#"{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}"#, r#"{"a":1,"a":1}"#, "{}", r#"{"a":{"a":{"a":1}}}"#]
        {
            assert_eq!(doubled(text), None, "{text}");
        }
    }

    #[test]
    fn members_are_counted_alike_in_text_and_value() {
        for (text, count) in
            [(r#"{"a:":":\":","b":{"c\\":1},"d":[{"e":{}},{":":[]}]}"#, 6), ("{}", 0), (r#"{"a":1.5E+3}"#, 1)]
        {
            assert_eq!(members(text), count, "{text}");
            assert_eq!(members_of(&serde_json::from_str(text).unwrap()), count, "{text}");
        }
    }
}
