//! Reports for machines against the rules of their schemas, as far as what is written touches them: SARIF 2.1.0 (OASIS,
//! errata 01) and the JUnit schema of the Jenkins xUnit plugin (junit-10.xsd). Whatever the tables below do not
//! know is refused, so that a new member or attribute must be looked up before it can be written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn report(dir: &Path, form: &str, files: &[String], more: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    let output =
        command.args(["validate", "--format", form]).args(more).args(files).current_dir(dir).output().expect("ran");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Everything under `testdata` that is a file, and files of every kind of trouble with odd names.
fn files(odd: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![root().join("testdata")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path.to_string_lossy().into_owned()) }
        }
    }
    let head = "provider_name,sub_account_id,sku_id,quantity,unit_cost,cost,currency\n";
    let mut bad = String::new();
    for n in 0..50 {
        writeln!(bad, "V,A,\"P<{n}>&\u{1}\u{fffe}\",x,y,z,USD").expect("memory");
    }
    let one_row = "V,A,P,1,2,3,USD\nTotal,,,9,,9,\n";
    for (name, text) in [
        ("with space & ünï [x]#1.csv", format!("{head}{bad}")),
        ("100% \"quoted\" <a>.csv", format!("{head}{one_row}")),
        ("a:b?c.csv", format!("{head}V,A,P,1\n\"open")),
        ("empty.csv", String::new()),
        ("nul.csv", "a\0\u{1}b\n".to_string()),
        ("clients.csv", "client_id,name\nC1,A\nC1,B\n,\n".to_string()),
    ] {
        // Some systems have no such names.
        if std::fs::write(odd.join(name), text).is_ok() {
            found.push(name.to_string());
        }
    }
    found.sort();
    found.push("not there.csv".to_string());
    found
}

/// What a member of a JSON object must be.
#[derive(Clone, Copy)]
enum Rule {
    Text,
    Is(&'static str),
    OneOf(&'static [&'static str]),
    Uri,
    UriReference,
    Truth,
    /// A whole number of at least so much.
    Whole(i64),
    Object(&'static str),
    List(&'static str),
    /// No element stands twice.
    Set(&'static str),
    /// An object whose values are texts, whatever their names.
    Texts,
    /// An object that the schema leaves open.
    Bag,
}

const LEVELS: Rule = Rule::OneOf(&["none", "note", "warning", "error"]);

/// An object's name, the members it must have, and the rules of those that are written. The schema forbids others.
type Shape = (&'static str, &'static [&'static str], &'static [(&'static str, Rule)]);

const SARIF: &[Shape] = &[
    (
        "log",
        &["version", "runs"],
        &[("$schema", Rule::Uri), ("version", Rule::Is("2.1.0")), ("runs", Rule::List("run"))],
    ),
    (
        "run",
        &["tool"],
        &[("tool", Rule::Object("tool")), ("invocations", Rule::List("invocation")), ("results", Rule::List("result"))],
    ),
    ("tool", &["driver"], &[("driver", Rule::Object("toolComponent"))]),
    (
        "toolComponent",
        &["name"],
        &[("name", Rule::Text), ("semanticVersion", Rule::Text), ("rules", Rule::Set("reportingDescriptor"))],
    ),
    (
        "reportingDescriptor",
        &["id"],
        &[
            ("id", Rule::Text),
            ("name", Rule::Text),
            ("shortDescription", Rule::Object("multiformatMessageString")),
            ("help", Rule::Object("multiformatMessageString")),
            ("defaultConfiguration", Rule::Object("reportingConfiguration")),
        ],
    ),
    ("multiformatMessageString", &["text"], &[("text", Rule::Text)]),
    ("reportingConfiguration", &[], &[("level", LEVELS)]),
    ("invocation", &["executionSuccessful"], &[("executionSuccessful", Rule::Truth)]),
    (
        "result",
        &["message"],
        &[
            ("ruleId", Rule::Text),
            ("ruleIndex", Rule::Whole(-1)),
            ("level", LEVELS),
            ("message", Rule::Object("message")),
            ("locations", Rule::List("location")),
            ("relatedLocations", Rule::Set("location")),
            ("occurrenceCount", Rule::Whole(1)),
            ("partialFingerprints", Rule::Texts),
            ("properties", Rule::Bag),
        ],
    ),
    // The schema asks for a text or an id, and no id is written.
    ("message", &["text"], &[("text", Rule::Text)]),
    ("location", &[], &[("physicalLocation", Rule::Object("physicalLocation")), ("message", Rule::Object("message"))]),
    // The schema asks for an artifact or an address, and no address is written.
    (
        "physicalLocation",
        &["artifactLocation"],
        &[("artifactLocation", Rule::Object("artifactLocation")), ("region", Rule::Object("region"))],
    ),
    ("artifactLocation", &[], &[("uri", Rule::UriReference)]),
    ("region", &[], &[("startLine", Rule::Whole(1))]),
];

fn object(shape: &str, value: &Value, at: &str) -> Result<(), String> {
    let (_, required, rules) = SARIF.iter().find(|(name, ..)| *name == shape).expect("a shape of the table");
    let members: &Map<String, Value> = value.as_object().ok_or(format!("{at} is no object"))?;
    if let Some(lacking) = required.iter().find(|name| !members.contains_key(**name)) {
        return Err(format!("{at} lacks {lacking}"));
    }
    for (name, value) in members {
        let at = format!("{at}/{name}");
        let (_, rule) = rules.iter().find(|(known, _)| known == name).ok_or(format!("{at} is not known"))?;
        member(*rule, value, &at)?;
    }
    Ok(())
}

fn member(rule: Rule, value: &Value, at: &str) -> Result<(), String> {
    let list = |shape: &str| {
        let elements = value.as_array().ok_or(format!("{at} is no list"))?;
        elements.iter().enumerate().try_for_each(|(i, element)| object(shape, element, &format!("{at}/{i}")))?;
        Ok::<_, String>(elements)
    };
    let is = |good: bool| if good { Ok(()) } else { Err(format!("{at} is {value}")) };
    match rule {
        Rule::Text => is(value.is_string()),
        Rule::Is(text) => is(value == text),
        Rule::OneOf(texts) => is(texts.iter().any(|text| value == text)),
        Rule::Uri => is(value.as_str().is_some_and(|uri| is_uri_reference(uri) && has_scheme(uri))),
        Rule::UriReference => is(value.as_str().is_some_and(is_uri_reference)),
        Rule::Truth => is(value.is_boolean()),
        Rule::Whole(least) => is(value.as_i64().is_some_and(|n| n >= least)),
        Rule::Object(shape) => object(shape, value, at),
        Rule::List(shape) => list(shape).map(drop),
        Rule::Set(shape) => {
            let elements = list(shape)?;
            let twice = elements.iter().enumerate().find(|(i, element)| elements[..*i].contains(element));
            twice.map_or(Ok(()), |(i, _)| Err(format!("{at}/{i} stands twice")))
        }
        Rule::Texts => is(value.as_object().is_some_and(|members| members.values().all(Value::is_string))),
        Rule::Bag => is(value.is_object()),
    }
}

fn has_scheme(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| {
        s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

/// RFC 3986: what stands for itself, and `%` with two digits; a first segment with a colon would be a scheme.
fn is_uri_reference(uri: &str) -> bool {
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        let good = match byte {
            b'%' => {
                rest.next().is_some_and(|b| b.is_ascii_hexdigit()) && rest.next().is_some_and(|b| b.is_ascii_hexdigit())
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        };
        if !good {
            return false;
        }
    }
    let first = uri.split('/').next().unwrap_or_default();
    !uri.is_empty() && (!first.contains(':') || has_scheme(uri))
}

#[test]
fn sarif_keeps_to_its_schema_whatever_was_found() {
    let odd = tempfile::tempdir().expect("a folder");
    let files = files(odd.path());
    let text = report(odd.path(), "sarif", &files, &[]);
    let log: Value = serde_json::from_str(&text).expect("JSON");
    object("log", &log, "").expect("as the schema has it");
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false, "one file is not there");
    let results = run["results"].as_array().expect("results");
    assert!(results.len() > 60 && results.iter().any(|r| r["relatedLocations"].is_array()), "{}", results.len());
    for result in results {
        let rule =
            result["ruleIndex"].as_u64().map(|i| &run["tool"]["driver"]["rules"][usize::try_from(i).expect("small")]);
        assert_eq!(rule.map(|r| &r["id"]), Some(&result["ruleId"]), "every result has a rule");
    }
    let none = report(
        odd.path(),
        "sarif",
        &[root().join("testdata/validate/keeper-september.csv").to_string_lossy().into()],
        &[],
    );
    let none: Value = serde_json::from_str(&none).expect("JSON");
    object("log", &none, "").expect("as the schema has it");
    assert_eq!(none["runs"][0]["results"], Value::Array(Vec::new()), "nothing was found, and that is said");
}

/// Each rule can fail.
#[test]
fn what_breaks_the_sarif_schema_is_seen() {
    let log = std::fs::read_to_string(root().join("testdata/validate/expected/messy.sarif")).expect("a golden");
    let log: Value = serde_json::from_str(&log).expect("JSON");
    object("log", &log, "").expect("as the schema has it");
    let result = "/runs/0/results/0";
    let location = format!("{result}/locations/0");
    for (at, value) in [
        ("/version".to_string(), "2.0.0".into()),
        ("/$schema".to_string(), "no uri".into()),
        ("/runs/0/tool/driver/name".to_string(), 7.into()),
        ("/runs/0/tool/driver/rules/1".to_string(), log["runs"][0]["tool"]["driver"]["rules"][0].clone()),
        ("/runs/0/invocations/0/executionSuccessful".to_string(), "true".into()),
        (format!("{result}/level"), "info".into()),
        (format!("{result}/message"), Value::Object(Map::new())),
        (format!("{result}/occurrenceCount"), 0.into()),
        (format!("{result}/ruleIndex"), (-2).into()),
        (format!("{result}/partialFingerprints/cause~1v1"), 1.into()),
        (format!("{result}/properties"), Value::Null),
        (format!("{location}/physicalLocation/region/startLine"), 0.into()),
        (format!("{location}/physicalLocation/artifactLocation/uri"), "a b.csv".into()),
        (format!("{location}/physicalLocation/artifactLocation/uri"), "a%2.csv".into()),
        (format!("{location}/physicalLocation/artifactLocation/uri"), "1:b.csv".into()),
    ] {
        let mut broken = log.clone();
        *broken.pointer_mut(&at).unwrap_or_else(|| panic!("{at} is not there")) = value;
        assert!(object("log", &broken, "").is_err(), "{at}");
    }
    let mut more = log.clone();
    more["runs"][0]["results"][0]["line"] = 7.into();
    assert_eq!(object("log", &more, ""), Err("/runs/0/results/0/line is not known".to_string()));
}

/// An element's attributes, of which those with `!` must be there, the elements within it, and whether it has text.
type Element = (&'static str, &'static [&'static str], &'static [&'static str], bool);

const JUNIT: &[Element] = &[
    ("testsuites", &["name", "tests", "failures", "errors"], &["testsuite"], false),
    ("testsuite", &["!name", "!tests", "!failures", "!errors", "skipped", "time"], &["testcase"], false),
    ("testcase", &["!name", "classname", "time"], &["skipped", "failure", "system-out"], false),
    ("failure", &["message", "type"], &[], true),
    ("skipped", &[], &[], true),
    ("system-out", &[], &[], true),
];

/// An element as it was read.
#[derive(Debug, Default)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    within: Vec<Node>,
    text: String,
}

impl Node {
    fn of(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(|a| a.expect("well formed"));
        let attributes = attributes.map(|a| {
            let value = a.normalized_value(quick_xml::XmlVersion::Implicit1_0).expect("well formed");
            (a.key.as_ref().to_string(), value.into_owned())
        });
        Self { name: start.name().as_ref().to_string(), attributes: attributes.collect(), ..Self::default() }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &str) -> usize {
        self.attribute(name).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    fn count(&self, name: &str) -> usize {
        usize::from(self.name == name) + self.within.iter().map(|node| node.count(name)).sum::<usize>()
    }

    fn is_valid(&self) -> Result<(), String> {
        let name = &self.name;
        let (_, attributes, within, text) =
            JUNIT.iter().find(|(known, ..)| known == name).ok_or(format!("{name} is not known"))?;
        for (attribute, value) in &self.attributes {
            let known = attributes.iter().any(|known| known.trim_start_matches('!') == attribute);
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            let good = match attribute.as_str() {
                "time" => value.split('.').count() <= 2 && value.split('.').all(digits),
                "tests" | "failures" | "errors" | "skipped" => !value.is_empty() && digits(value),
                _ => true,
            };
            if !known || !good {
                return Err(format!("{name} has {attribute}={value:?}"));
            }
        }
        let mut required = attributes.iter().filter_map(|attribute| attribute.strip_prefix('!'));
        if let Some(lacking) = required.find(|attribute| self.attribute(attribute).is_none()) {
            return Err(format!("{name} lacks {lacking}"));
        }
        if !text && !self.text.trim().is_empty() {
            return Err(format!("{name} has text"));
        }
        let stranger = self.within.iter().find(|node| !within.contains(&node.name.as_str()));
        if let Some(stranger) = stranger {
            return Err(format!("{} stands in {name}", stranger.name));
        }
        self.within.iter().try_for_each(Node::is_valid)
    }
}

fn parsed(xml: &str) -> Node {
    let is_character =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') || c > '\u{ffff}';
    assert!(xml.chars().all(is_character), "characters that XML does not have");
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().expect("well formed") {
            Event::Start(start) => open.push(Node::of(&start)),
            Event::Empty(start) => open.last_mut().expect("the root").within.push(Node::of(&start)),
            Event::End(_) => {
                let closed = open.pop().expect("what is closed was opened");
                open.last_mut().expect("the root").within.push(closed);
            }
            Event::Text(text) => open.last_mut().expect("the root").text.push_str(&text.xml10_content()),
            Event::GeneralRef(_) => open.last_mut().expect("the root").text.push('&'),
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut root = open.pop().expect("the root");
    assert_eq!((open.len(), root.within.len()), (0, 1));
    root.within.remove(0)
}

#[test]
fn junit_keeps_to_its_schema_and_counts_what_it_has() {
    let odd = tempfile::tempdir().expect("a folder");
    let files = files(odd.path());
    for least in ["error", "info", "never"] {
        let suites = parsed(&report(odd.path(), "junit", &files, &["--fail-on", least]));
        suites.is_valid().expect("as the schema has it");
        assert_eq!(suites.name, "testsuites");
        assert!(suites.within.len() >= files.len());
        for counted in std::iter::once(&suites).chain(&suites.within) {
            assert_eq!(counted.number("tests"), counted.count("testcase"));
            assert_eq!(counted.number("failures"), counted.count("failure"));
            assert_eq!(counted.number("errors"), 0);
        }
        for suite in &suites.within {
            assert_eq!(suite.number("skipped"), suite.count("skipped"));
            assert!(suite.within.iter().all(|case| case.within.len() <= 1), "a test failed, was skipped or spoke");
        }
        assert_eq!(suites.count("failure") == 0, least == "never");
    }
}

/// Each rule can fail.
#[test]
fn what_breaks_the_junit_schema_is_seen() {
    let good = std::fs::read_to_string(root().join("testdata/validate/expected/messy.xml")).expect("a golden");
    parsed(&good).is_valid().expect("as the schema has it");
    for (from, to) in [
        ("<testsuite name=", "<testsuite title="),
        (" errors=\"0\" skipped", " skipped"),
        ("time=\"0\"", "time=\"0s\""),
        ("tests=\"38\"", "tests=\"\""),
        ("classname", "class"),
        ("system-out>", "output>"),
        ("<testcase name=", "text<testcase name="),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(parsed(&good.replace(from, to)).is_valid().is_err(), "{from}");
    }
    let moved = good.replace("</testsuites>", "<failure/></testsuites>");
    assert_eq!(parsed(&moved).is_valid(), Err("failure stands in testsuites".to_string()));
}
