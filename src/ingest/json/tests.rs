use proptest::prelude::*;

use super::*;
use crate::finding::Code;

#[derive(Debug, PartialEq)]
enum Seen {
    Row(u64, String),
    Fault(Code, u64, u64, String),
}

fn read(text: &str, shape: Shape) -> Vec<Seen> {
    let mut seen = Vec::new();
    read_json(text.as_bytes(), shape, &mut |event| {
        seen.push(match event {
            JsonEvent::Record(record) => {
                let fields: Vec<_> = record.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
                Seen::Row(record.number, fields.join("|"))
            }
            JsonEvent::Fault(fault) => Seen::Fault(fault.code, fault.line, fault.column, fault.message),
        });
        Ok(())
    })
    .unwrap();
    seen
}

fn row(number: u64, fields: &str) -> Seen {
    Seen::Row(number, fields.to_owned())
}

#[test]
fn records_are_flat_and_numbers_keep_their_digits() {
    let text = r#"[{"id":1.50,"e":7.29E-9,"big":123456789012345678901234567890.10,"n":null,"t":true,
        "product":{"identifier":"M365","more":{"x":0}},"none":{},"tags":[1, {"a" : 2.0}],"s":"a \"b\" \u00fc"} , {"id":2}]"#;
    assert_eq!(
        read(text, Shape::JsonArray),
        [
            row(
                1,
                "id=1.50|e=7.29e-9|big=123456789012345678901234567890.10|n=|t=true|product/identifier=M365|\
                 product/more/x=0|tags=[1,{\"a\":2.0}]|s=a \"b\" ü"
            ),
            row(2, "id=2"),
        ]
    );
    assert_eq!(read("[]", Shape::JsonArray), []);
    assert_eq!(read("[{\"a\":1}]\n[{\"a\":2}]", Shape::JsonArray), [row(1, "a=1"), row(2, "a=2")]);
}

#[test]
fn the_raw_text_is_as_it_stands() {
    let mut raw = Vec::new();
    read_json(&b"[ {\"a\" : 1}\n, {\"a\":2} ]"[..], Shape::JsonArray, &mut |event| {
        if let JsonEvent::Record(record) = event {
            raw.push(record.raw.to_owned());
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(raw, ["{\"a\" : 1}", "{\"a\":2}"]);
}

#[test]
fn an_envelope_gives_its_list_and_leaves_the_rest() {
    let rows = [row(1, "a=1"), row(2, "a=2")];
    for text in [
        r#"{"content":[{"a":1},{"a":2}],"page":{"size":2,"items":[{"a":9}]}}"#,
        r#"{"totalCount":2,"tags":["x"],"value":[{"a":1},{"a":2}] } "#,
        r#"{"record_count":2,"clients":[{"a":1},{"a":2}]}"#,
        r#"{"clients":[{"a":1},{"a":2}]}"#,
        r#"{ "ok" : true, "data" : { "next":null , "clients" : [ {"a":1} , {"a":2} ] , "errors":[] } , "total":2 }"#,
        r#"{"id":7,"by":{"x":[{"b":1}]},"items":[{"a":1},{"a":2}],"tags":["x"]}"#,
    ] {
        assert_eq!(read(text, Shape::JsonEnvelope), rows, "{text}");
    }
    assert_eq!(read(r#"{"items":[]}"#, Shape::JsonEnvelope), []);
}

#[test]
fn an_envelope_with_two_lists_is_refused() {
    let seen = read("{\"items\":[{\"a\":1}],\n\"data\":[{\"a\":2}]}", Shape::JsonEnvelope);
    assert_eq!(seen[0], row(1, "a=1"));
    let Seen::Fault(Code::I104, 2, 8, message) = &seen[1] else { panic!("{seen:?}") };
    assert!(message.contains("\"items\" and \"data\""), "{message}");
    for (text, both) in [
        (r#"{"clients":[{"a":1}],"devices":[{"b":2}]}"#, "\"clients\" and \"devices\""),
        (r#"{"devices":[{"b":2}],"items":[{"a":1}]}"#, "\"devices\" and \"items\""),
        (r#"{"items":[{"a":1}],"items":[{"a":2}]}"#, "\"items\" and \"items\""),
        (r#"{"a":{"x":[{"a":1}]},"b":{"y":[{"b":2}]}}"#, "\"x\" and \"b\""),
        (r#"{"data":{"clients":[{"a":1}],"devices":[{"b":2}]}}"#, "\"clients\" and \"devices\""),
    ] {
        assert_eq!(Shape::of(text), Shape::JsonEnvelope, "{text}");
        let seen = read(text, Shape::JsonEnvelope);
        let Some(Seen::Fault(Code::I104, 1, _, message)) = seen.last() else { panic!("{text}: {seen:?}") };
        assert!(message.contains(both) && message.contains("a file of its own"), "{text}: {message}");
    }
}

/// What a file's head does not show is found where it stands.
#[test]
fn what_stands_far_behind_a_list_is_no_less_in_doubt() {
    let filler = format!("{{\"f\":\"{}\"}}", "x".repeat(300 << 10));
    for (behind, why) in [("\"devices\":[{}]", "two lists"), ("\"name\":\"Acme\"", "whether the object is one record")]
    {
        let text = format!("{{\"clients\":[{filler}],\n{behind}}}");
        assert_eq!(Shape::of(&text[..200_000]), Shape::JsonEnvelope);
        let seen = read(&text, Shape::JsonEnvelope);
        assert!(matches!(&seen[1], Seen::Fault(Code::I104, 2, _, m) if m.contains(why)), "{:?}", &seen[1]);
    }
    let text = format!("{{\"clients\":[{filler}],\n\"total\":1,\"next\":null}}");
    assert_eq!(read(&text, Shape::JsonEnvelope).len(), 1);
}

#[test]
fn a_broken_array_stops_at_line_and_column() {
    let seen = read("[{\"ü\":1},\n {\"a\":x},\n{\"a\":3}]", Shape::JsonArray);
    assert_eq!(seen[0], row(1, "ü=1"));
    assert_eq!(seen[1..], [Seen::Fault(Code::I104, 2, 7, "the JSON is not well formed: expected value".to_owned())]);
    for (text, code) in [
        ("[{\"a\":1}", Code::I110),
        ("[{\"a\":1},", Code::I110),
        ("[{\"a\":1},{\"a", Code::I110),
        ("[{\"a\":1} {\"a\":2}]", Code::I104),
        ("[{\"a\":1},]", Code::I104),
        ("[{\"a\":1}]x", Code::I104),
        ("[{\"a\":1},7]", Code::I104),
    ] {
        let seen = read(text, Shape::JsonArray);
        assert_eq!(seen.len(), 2, "{text}: {seen:?}");
        assert!(matches!(&seen[1], Seen::Fault(c, 1, _, _) if *c == code), "{text}: {seen:?}");
    }
    for text in [
        "{\"items\":[{\"a\":1}]",
        "{\"items\":[{\"a\":1}],\"x\":tru}",
        "{\"items\":[{\"a\":1}]}{",
        "{\"items\":[{\"a\":1}],7:1}",
    ] {
        let seen = read(text, Shape::JsonEnvelope);
        assert!(seen.len() == 2 && matches!(seen[1], Seen::Fault(..)), "{text}: {seen:?}");
    }
}

#[test]
fn a_broken_line_costs_only_itself() {
    let text = "{\"a\":1}\r\n\r\n{\"a\":2,\n{\"a\":3}\n{\"a\":[4\n{\"a\":5}\n{\"a\":6}x\n7\nnope\n{\"a\":8}{\"a\":9}\n{\"a\":\"b\n{\"a\":10}\n{\"a\":1";
    let seen = read(text, Shape::JsonLines);
    let rows: Vec<_> = seen.iter().filter(|s| matches!(s, Seen::Row(..))).collect();
    assert_eq!(
        rows,
        [&row(1, "a=1"), &row(3, "a=3"), &row(5, "a=5"), &row(9, "a=8"), &row(10, "a=9"), &row(12, "a=10")]
    );
    let faults: Vec<_> = seen
        .iter()
        .filter_map(|s| match s {
            Seen::Fault(code, number, _, message) => Some((*code, *number, message.as_str())),
            Seen::Row(..) => None,
        })
        .collect();
    assert_eq!(faults.iter().map(|f| f.1).collect::<Vec<_>>(), [2, 4, 6, 7, 8, 11, 13]);
    assert!(faults[0].2.ends_with("(physical line 3)"), "{:?}", faults[0]);
    assert_eq!(faults[6].0, Code::I110);
    assert!(faults[..6].iter().all(|f| f.0 == Code::I104));
}

#[test]
fn a_lone_object_over_many_lines_is_one_record() {
    let long = (0..2000).map(|i| format!("  \"k{i}\": {{\n \"v\": {i} }},")).collect::<Vec<_>>().join("\n");
    let seen = read(&format!("{{\n{long}\n  \"z\": [\n{{}}\n]\n}}\n"), Shape::JsonLines);
    let [Seen::Row(1, fields)] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(fields.starts_with("k0/v=0|k1/v=1|") && fields.ends_with("k1999/v=1999|z=[{}]"));
}

#[test]
fn a_stream_longer_than_its_buffer_is_read_whole() {
    let filler = "x".repeat(1000);
    let records: Vec<String> = (1..=2000).map(|i| format!("{{\"i\":{i},\"f\":\"{filler}\"}}")).collect();
    let array = read(&format!("[{}]", records.join(",\n")), Shape::JsonArray);
    let lines = read(&records.join("\n"), Shape::JsonLines);
    assert_eq!(array.len(), 2000);
    assert_eq!(array, lines);
    assert_eq!(array[1999], row(2000, &format!("i=2000|f={filler}")));
}

#[test]
fn a_record_with_two_values_under_one_name_costs_only_itself() {
    let twice = "{\"a\":2,\n \"é\":{\"c\":1,\"c\":2}}";
    let message = |line| {
        format!("the record has \"c\" twice, as 1 and as 2, so which is meant is not known (physical line {line})")
    };
    let fault = |line| Seen::Fault(Code::I111, 2, 13, message(line));
    let array = read(&format!("[{{\"a\":1}},\n{twice},\n{{\"a\":3,\"a\":3}}]"), Shape::JsonArray);
    assert_eq!(array, [row(1, "a=1"), fault(3), row(3, "a=3|a=3")]);
    let lines = read(&format!("{{\"a\":1}}\n{twice}\n{{\"a\":3}}"), Shape::JsonLines);
    assert_eq!(lines, [row(1, "a=1"), fault(3), row(3, "a=3")]);
    let envelope = read(&format!("{{\"value\":[{twice}, {{\"b\":1}}]}}"), Shape::JsonEnvelope);
    assert_eq!(envelope[1], row(2, "b=1"));
    let flat = read(r#"[{"x":"1.0","y":"","x":"1.00"}]"#, Shape::JsonArray);
    assert!(matches!(&flat[..], [Seen::Fault(Code::I111, 1, 20, m)] if m.contains("\"x\" twice")), "{flat:?}");
}

#[test]
fn the_caller_can_stop() {
    let stop = read_json(&b"[{},{}]"[..], Shape::JsonArray, &mut |_| anyhow::bail!("enough"));
    assert_eq!(stop.unwrap_err().to_string(), "enough");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "[\\[\\]{}\",:a1\n\r\\\\ ]{0,60}|\\PC{0,40}") {
        for shape in [Shape::JsonArray, Shape::JsonEnvelope, Shape::JsonLines] {
            let _ = read(&text, shape);
        }
        let _ = Shape::of(&text);
    }
}
