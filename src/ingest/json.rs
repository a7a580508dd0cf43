//! JSON to records: flat lists of heading and text, numbers by the digits that stand there. Values are
//! cut out of the stream one by one, so that memory holds one record, whatever the file's size.

use std::fmt;
use std::io::Read;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::envelope::{Wrapped, is_beside, is_own, wrapped, wraps_records};
use super::record::RecordFault;
use super::shape::Shape;
use doubled::{doubled, members, members_of};
pub(super) use pages::{Beside, PagesLeft, beside_records};
pub use pages::{Page, whole_sets};
use stream::{Broken, Stream};

mod doubled;
mod pages;
mod stream;
#[cfg(test)]
mod tests;

/// One record. Members of nested objects have a path for a heading (`product/identifier`), lists are
/// compact JSON, `null` is empty, numbers have the digits that stand there (and `e` for `E`).
#[derive(Debug, Clone, Copy)]
pub struct JsonRecord<'a> {
    /// The record's number in the file, 1-based; a record that is a fault counts.
    pub number: u64,
    pub fields: &'a [(String, String)],
    /// The record's text as it stands in the file.
    pub raw: &'a str,
}

#[derive(Debug)]
pub enum JsonEvent<'a> {
    Record(JsonRecord<'a>),
    /// One value that is no record, and reading goes on: `line` is the record's number. Or, in an array or envelope,
    /// a syntax error or a cut-off end (`line` is the physical line, `column` the character): it is the last event,
    /// and the file is to be refused.
    Fault(RecordFault),
}

/// Reads every record of a text of `shape`, in order. A value that is broken is I104, a text that ends
/// inside a value I110. Errors are those of reading, and what `on` returns.
pub fn read_json(
    reader: impl Read,
    shape: Shape,
    on: &mut dyn FnMut(JsonEvent<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stream = Stream::new(reader);
    let mut reading = Reading { on, fields: Vec::new(), number: 0, beside: None, left_out: Vec::new() };
    let end = match shape {
        Shape::JsonArray => reading.arrays(&mut stream)?,
        Shape::JsonEnvelope => reading.envelope(&mut stream)?,
        Shape::JsonLines | Shape::Delimited | Shape::Sheet | Shape::Parquet => return reading.lines(&mut stream),
    };
    match end {
        Ok(()) => Ok(()),
        Err(broken) => {
            let fault = stream.fault(&broken);
            (reading.on)(JsonEvent::Fault(fault))
        }
    }
}

/// What an array or envelope comes to: read to its end, or broken; outside it, errors of reading.
type Outcome = anyhow::Result<Result<(), Broken>>;

struct Reading<'a> {
    on: &'a mut dyn FnMut(JsonEvent<'_>) -> anyhow::Result<()>,
    fields: Vec<(String, String)>,
    number: u64,
    /// What stands beside the records of an envelope, where it is wanted: paths and plain values.
    beside: Option<Vec<(String, String)>>,
    /// Of these the members that are no words of paging.
    left_out: Vec<String>,
}

impl Reading<'_> {
    /// One array after another: pages of an API, saved to one file.
    fn arrays<R: Read>(&mut self, stream: &mut Stream<R>) -> Outcome {
        loop {
            match stream.peek()? {
                Some(b'[') => stream.skip(1),
                None => return Ok(Ok(())),
                Some(_) => return Ok(Err(Broken::here("text stands behind the end of the JSON array"))),
            }
            if let Err(broken) = self.elements(stream)? {
                return Ok(Err(broken));
            }
        }
    }

    /// The elements of an array, up to and with its closing bracket.
    fn elements<R: Read>(&mut self, stream: &mut Stream<R>) -> Outcome {
        let mut first = true;
        loop {
            match stream.peek()? {
                None => return Ok(Err(Broken::cut())),
                Some(b']') if first => {
                    stream.skip(1);
                    return Ok(Ok(()));
                }
                Some(_) => {}
            }
            first = false;
            let length = match stream.value()? {
                Ok(length) => length,
                Err(broken) => return Ok(Err(broken)),
            };
            self.number += 1;
            let Ok(text) = std::str::from_utf8(stream.piece(length)) else {
                return Ok(Err(Broken::here("the JSON is not valid UTF-8")));
            };
            match self.record(text)? {
                Ok(()) => {}
                Err(broken) if broken.goes_on => self.passed_over(stream, &broken, length)?,
                Err(broken) => return Ok(Err(broken)),
            }
            stream.skip(length);
            match stream.peek()? {
                Some(b',') => stream.skip(1),
                Some(b']') => {
                    stream.skip(1);
                    return Ok(Ok(()));
                }
                Some(_) => return Ok(Err(Broken::here("the JSON is not well formed: expected `,` or `]`"))),
                None => return Ok(Err(Broken::cut())),
            }
        }
    }

    /// The records of an object's list, and what stands beside it.
    fn envelope<R: Read>(&mut self, stream: &mut Stream<R>) -> Outcome {
        if stream.peek()? != Some(b'{') {
            return Ok(Err(Broken::here("the JSON is not well formed: expected an object")));
        }
        let Some(wrapped) = wrapped(stream.head()?) else {
            return Ok(Err(Broken::here("the object has no list that holds records")));
        };
        let mut found = None;
        if let Err(broken) = self.members(stream, &wrapped, 0, &mut found)? {
            return Ok(Err(broken));
        }
        Ok(match stream.peek()? {
            None => Ok(()),
            Some(_) => Err(Broken::here("text stands behind the end of the JSON object")),
        })
    }

    /// Those of the object that begins here, `depth` members within; up to and with its closing brace. `found`: the name
    /// of the list, once it was read.
    fn members<R: Read>(
        &mut self,
        stream: &mut Stream<R>,
        wrapped: &Wrapped,
        depth: usize,
        found: &mut Option<String>,
    ) -> Outcome {
        stream.skip(1);
        if stream.peek()? == Some(b'}') {
            stream.skip(1);
            return Ok(Ok(()));
        }
        loop {
            let member: String = match stream.plain_value()? {
                Ok(member) => member,
                Err(broken) => return Ok(Err(broken)),
            };
            match stream.peek()? {
                Some(b':') => stream.skip(1),
                Some(_) => return Ok(Err(Broken::here("the JSON is not well formed: expected `:`"))),
                None => return Ok(Err(Broken::cut())),
            }
            let list = stream.begins_list_of_objects()?;
            let leads = found.is_none() && wrapped.path.get(depth) == Some(&member);
            let is_last = depth + 1 == wrapped.path.len();
            let read = if leads && is_last && list.is_some() {
                *found = Some(member);
                stream.skip(1);
                self.elements(stream)?
            } else if leads && !is_last && stream.peek()? == Some(b'{') {
                self.members(stream, wrapped, depth + 1, found)?
            } else {
                self.aside(stream, &member, (wrapped, depth), found.as_deref(), list == Some(true))?
            };
            if let Err(broken) = read {
                return Ok(Err(broken));
            }
            match stream.peek()? {
                Some(b',') => stream.skip(1),
                Some(b'}') => break,
                Some(_) => return Ok(Err(Broken::here("the JSON is not well formed: expected `,` or `}`"))),
                None => return Ok(Err(Broken::cut())),
            }
            stream.peek()?;
        }
        stream.skip(1);
        Ok(Ok(()))
    }

    /// A member beside the list of records. `filled`: it is a list of objects itself.
    fn aside<R: Read>(
        &mut self,
        stream: &mut Stream<R>,
        member: &str,
        (wrapped, depth): (&Wrapped, usize),
        found: Option<&str>,
        filled: bool,
    ) -> Outcome {
        stream.peek()?;
        let length = match stream.value()? {
            Ok(length) => length,
            Err(broken) => return Ok(Err(broken)),
        };
        let Ok(text) = std::str::from_utf8(stream.piece(length)) else {
            return Ok(Err(Broken::here("the JSON is not valid UTF-8")));
        };
        let of_page = is_beside(member, text);
        if !of_page && (filled || (!wrapped.named && wraps_records(text))) {
            let known = wrapped.path.last().map_or("", String::as_str);
            let (first, second) = if found.is_some() { (known, member) } else { (member, known) };
            let message = format!(
                "two lists of records stand in one object, {first:?} and {second:?}, and which is meant is not known; save \
                 each as a file of its own"
            );
            return Ok(Err(Broken::here(message)));
        }
        if !of_page && is_own(text) {
            // In the head of the file it would have made the object a record.
            if !wrapped.named {
                let message = format!(
                    "{member:?} stands beside a list in one object, so whether the object is one record or the list has \
                     them is not known; save the list as a file of its own"
                );
                return Ok(Err(Broken::here(message)));
            }
            self.left_out.push(member.to_string());
        }
        let value: Value = match stream.plain_value()? {
            Ok(value) => value,
            Err(broken) => return Ok(Err(broken)),
        };
        if let (false, Some(beside)) = (value.is_array(), &mut self.beside) {
            let name = wrapped.path[..depth].iter().map(String::as_str).chain([member]).collect::<Vec<_>>().join("/");
            flatten(name, value, beside);
        }
        Ok(Ok(()))
    }

    /// Values one after another. What is broken costs its own line: reading goes on at the next.
    fn lines<R: Read>(&mut self, stream: &mut Stream<R>) -> anyhow::Result<()> {
        while stream.peek()?.is_some() {
            self.number += 1;
            let broken = match stream.line_value()? {
                Err(broken) => broken,
                Ok(length) => {
                    let read = match std::str::from_utf8(stream.piece(length)) {
                        Err(_) => Err(Broken::here("the JSON is not valid UTF-8")),
                        Ok(text) => self.record(text)?,
                    };
                    match read {
                        Ok(()) => {
                            stream.skip(length);
                            continue;
                        }
                        Err(broken) if broken.goes_on => {
                            self.passed_over(stream, &broken, length)?;
                            stream.skip(length);
                            continue;
                        }
                        Err(broken) => broken,
                    }
                }
            };
            let mut fault = stream.fault(&broken);
            fault.message = format!("{} (physical line {})", fault.message, stream.line);
            (fault.line, fault.goes_on) = (self.number, true);
            stream.skip_line()?;
            (self.on)(JsonEvent::Fault(fault))?;
        }
        Ok(())
    }

    /// A whole value that makes no record.
    fn passed_over<R: Read>(&mut self, stream: &Stream<R>, broken: &Broken, length: usize) -> anyhow::Result<()> {
        let fault = stream.fault(broken);
        let raw = String::from_utf8_lossy(stream.piece(length)).into_owned();
        let message = format!("{} (physical line {})", fault.message, fault.line);
        (self.on)(JsonEvent::Fault(RecordFault { line: self.number, message, raw, goes_on: true, ..fault }))
    }

    fn record(&mut self, text: &str) -> anyhow::Result<Result<(), Broken>> {
        // Else a number would do: with its digits kept, the parser hands it on as an object.
        if !text.starts_with('{') {
            return Ok(Err(Broken::here("a record must be a JSON object")));
        }
        self.fields.clear();
        let mut parser = serde_json::Deserializer::from_str(text);
        let mut parsed = 0;
        let read = parser.deserialize_any(Flat(&mut self.fields, &mut parsed)).and_then(|()| parser.end());
        if let Err(e) = read {
            return Ok(Err(Broken::of(&e)));
        }
        // Which name it is, and whether it matters, is looked for in the few records that have one twice.
        if parsed != members(text)
            && let Some(found) = doubled(text)
        {
            return Ok(Err(Broken::doubled(text, &found)));
        }
        (self.on)(JsonEvent::Record(JsonRecord { number: self.number, fields: &self.fields, raw: text }))?;
        Ok(Ok(()))
    }
}

/// Reads an object into flat fields, in the order they stand, and counts the members with different names.
struct Flat<'a>(&'a mut Vec<(String, String)>, &'a mut usize);

impl<'de> Visitor<'de> for Flat<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object for a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            *self.1 += members_of(&value);
            names.push(xxh3_64(name.as_bytes()));
            flatten(name, value, self.0);
        }
        names.sort_unstable();
        names.dedup();
        *self.1 += names.len();
        Ok(())
    }
}

/// A value as flat fields.
pub(super) fn flatten(name: String, value: Value, fields: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(format!("{name}/{member}"), value, fields);
            }
            return;
        }
        Value::Null => String::new(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        list @ Value::Array(_) => list.to_string(),
    };
    fields.push((name, text));
}
