//! The zip package that XLSX and ODS are: its parts, each an XML document, read one event at a time.

use std::borrow::Cow;
use std::io::{self, BufReader, Cursor, Read};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::WorkbookFault;
use crate::ingest::limits::Limits;
use crate::ingest::zip::{self, Entry};

pub(super) struct Package<'a> {
    bytes: Cursor<&'a [u8]>,
    entries: Vec<Entry>,
}

impl<'a> Package<'a> {
    /// Unpacks every part once, to know that the whole is within the limits and undamaged.
    pub fn open(mut bytes: Cursor<&'a [u8]>, limits: &Limits) -> Result<Self, WorkbookFault> {
        let entries = zip::entries(&mut bytes)?;
        let mut left = limits.workbook_expanded();
        let mut buffer = vec![0; 64 << 10];
        for entry in &entries {
            if let Some(why) = entry.refused {
                return Err(WorkbookFault::Refused(format!("its part {} is no plain part: {why}", entry.name)));
            }
            let damaged = |e: io::Error| WorkbookFault::Broken(format!("its part {}: {e}", entry.name));
            let mut part = zip::open(bytes.clone(), entry.member).map_err(damaged)?;
            loop {
                let n = part.read(&mut buffer).map_err(damaged)? as u64;
                if n > left {
                    return Err(WorkbookFault::Refused(format!(
                        "its parts unpack to more than {} bytes, 16 times max_workbook_bytes; if it is what it should \
                         be, raise that under [input] in trueup.toml",
                        limits.workbook_expanded()
                    )));
                }
                left -= n;
                if n == 0 {
                    break;
                }
            }
        }
        Ok(Self { bytes, entries })
    }

    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let name = name.trim_start_matches('/');
        self.entries.iter().find(|e| e.name.trim_start_matches('/').eq_ignore_ascii_case(name))
    }

    /// A part's XML, `None` if there is no such part.
    pub fn part(&self, name: &str) -> Result<Option<Xml<'a>>, WorkbookFault> {
        let Some(entry) = self.entry(name) else { return Ok(None) };
        let part = zip::open(self.bytes.clone(), entry.member).map_err(|e| WorkbookFault::Broken(e.to_string()))?;
        let mut reader = Reader::from_reader(BufReader::with_capacity(64 << 10, part));
        reader.config_mut().expand_empty_elements = true;
        Ok(Some(Xml { reader, buffer: Vec::new(), depth: 0 }))
    }
}

pub(super) struct Xml<'a> {
    reader: Reader<BufReader<Box<dyn Read + Send + 'a>>>,
    buffer: Vec<u8>,
    depth: usize,
}

/// What comes next in an XML document. Names are without their namespace's prefix.
pub(super) enum Node<'b> {
    Open(Tag<'b>),
    Close(String),
    Text(Cow<'b, str>),
    End,
}

pub(super) struct Tag<'b>(BytesStart<'b>);

impl Tag<'_> {
    pub fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// An attribute by its name without a prefix, or with it where `name` has one.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let wanted = |key: quick_xml::name::QName<'_>| {
            if name.contains(':') { key.as_ref() == name } else { key.local_name().as_ref() == name }
        };
        let found = self.0.attributes().with_checks(false).flatten().find(|a| wanted(a.key))?;
        found.normalized_value(XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
    }
}

impl Xml<'_> {
    pub fn next(&mut self) -> Result<Node<'_>, WorkbookFault> {
        self.buffer.clear();
        match self.reader.read_event_into(&mut self.buffer)? {
            Event::Start(start) | Event::Empty(start) => {
                self.depth += 1;
                Ok(Node::Open(Tag(start)))
            }
            Event::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(Node::Close(end.local_name().into_inner().to_string()))
            }
            Event::Text(text) => Ok(Node::Text(text.xml10_content())),
            Event::CData(text) => Ok(Node::Text(text.xml10_content())),
            Event::GeneralRef(entity) => {
                let text = match entity.resolve_char_ref()? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&entity)
                        .ok_or_else(|| WorkbookFault::Broken(format!("its XML has an unknown entity &{};", &*entity)))?
                        .to_string(),
                };
                Ok(Node::Text(Cow::Owned(text)))
            }
            Event::DocType(_) => Err(WorkbookFault::Refused("its XML declares entities of its own".to_string())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Ok(Node::Text(Cow::Borrowed(""))),
            Event::Eof if self.depth > 0 => Err(WorkbookFault::Broken("its XML ends early".to_string())),
            Event::Eof => Ok(Node::End),
        }
    }
}
