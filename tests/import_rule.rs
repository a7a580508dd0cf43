//! The rooms of DESIGN section 11, held by reading the source: a room imports only lower ones, each kind of
//! outside effect has its one room, and no file outgrows its noun.

use std::path::{Path, PathBuf};

/// Low to high: a room imports only those before it.
const ROOMS: &[&str] = &[
    "finding",
    "rate",
    "control",
    "format",
    "ingest",
    "book",
    "tidy",
    "resolve",
    "meter",
    "reconcile",
    "emit",
    "history",
    "engine",
    "cli",
];
/// Rooms that know no files.
const NO_FILES: &[&str] = &["finding", "rate", "control", "meter", "reconcile", "resolve"];
/// The rooms that write the book's files.
const WRITERS: &[&str] = &["emit", "history"];
const MOST_LINES: usize = 600;
const BANNED_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "types", "misc", "shared", "manager", "stuff"];

const FILE_WORDS: &[&str] = &["std::fs", "fs_err", "std::path", "std::io::Read", "std::io::Write", "tempfile"];
const WRITE_WORDS: &[&str] = &[
    "File::create",
    "OpenOptions",
    "fs::write",
    "fs::create_dir",
    "fs::rename",
    "fs::remove",
    "fs::copy",
    "fs::hard_link",
    "NamedTempFile",
    "tempdir",
    "set_permissions",
];
const SURROUNDINGS: &[&str] = &[
    "std::env",
    "env::args",
    "env::var",
    "std::process",
    "is_terminal",
    "IsTerminal",
    "stdout()",
    "stderr()",
    "stdin()",
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "clap::",
    "indicatif",
    "anstream",
    "anstyle",
    "comfy_table",
    "available_parallelism",
];
const PRINTS: &[&str] = &["println!", "print!", "eprintln!", "eprint!", "dbg!"];

/// What a source file does that it may not.
fn offences(path: &str, text: &str) -> Vec<String> {
    let room = room_of(path);
    let mut out = Vec::new();
    let name = Path::new(path).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let folders = path.split('/').map(|part| part.trim_end_matches(".rs"));
    if let Some(banned) = folders.into_iter().find(|part| BANNED_NAMES.contains(part)) {
        out.push(format!("{path}: {banned:?} names no noun of the domain and no verb of the program"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        out.push(format!("{path}: {lines} lines want a second room (at most {MOST_LINES})"));
    }
    if !text.trim_start().starts_with("//!") && !is_test_file(path) && name != "tests" {
        out.push(format!("{path}: a module opens with why it exists (//!)"));
    }
    let code = without_comments_and_texts(without_tests(text));
    let mut forbid = |words: &[&str], may: bool, what: &str| {
        for word in words.iter().filter(|w| !may && contains_path(&code, w)) {
            out.push(format!("{path}: {room} {what}, and names {word}"));
        }
    };
    if is_test_file(path) {
        return out;
    }
    forbid(FILE_WORDS, !NO_FILES.contains(&room), "knows no files");
    forbid(WRITE_WORDS, WRITERS.contains(&room), "writes no files");
    forbid(SURROUNDINGS, matches!(room, "cli" | "main"), "knows no terminal, environment or clock");
    forbid(PRINTS, false, "prints nothing past the printer");
    let own = ROOMS.iter().position(|r| *r == room);
    for imported in rooms_named(path, &code) {
        let Some(rank) = ROOMS.iter().position(|r| *r == imported) else { continue };
        if own.is_some_and(|own| rank > own) {
            out.push(format!("{path}: {room} is below {imported} and imports it"));
        }
    }
    out
}

/// `src/tidy/row.rs` and `src/finding.rs` belong to `tidy` and `finding`.
fn room_of(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.ends_with("/samples.rs")
}

/// Tests stand at the end of a file, and may use what they like.
fn without_tests(text: &str) -> &str {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "#[cfg(test)]" {
            let rest = &text[at + line.len()..];
            // `#[cfg(test)] mod tests;` or one item within the file is no end of it.
            let next = rest.lines().next().unwrap_or_default();
            if next.contains("mod ") && next.trim_end().ends_with('{') {
                return &text[..at];
            }
        }
        at += line.len();
    }
    text
}

/// Blanks what the compiler does not take for code.
fn without_comments_and_texts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_text_end(rest).filter(|_| !out.ends_with(is_word)) {
            end
        } else if c == '"' {
            text_end(rest)
        } else if c == '\'' {
            char_end(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.push(' ');
            rest = &rest[skip..];
        }
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn text_end(rest: &str) -> usize {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match (escaped, c) {
            (true, _) => escaped = false,
            (false, '\\') => escaped = true,
            (false, '"') => return i + 1,
            (false, _) => {}
        }
    }
    rest.len()
}

fn raw_text_end(rest: &str) -> Option<usize> {
    let open = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = open.len() - open.trim_start_matches('#').len();
    open[hashes..].starts_with('"').then_some(())?;
    let close = format!("\"{}", "#".repeat(hashes));
    let start = rest.len() - open.len() + hashes + 1;
    Some(rest[start..].find(&close).map_or(rest.len(), |end| start + end + close.len()))
}

/// The length of a character literal; 0 for a lifetime.
fn char_end(rest: &str) -> usize {
    let inside = &rest[1..];
    if inside.starts_with('\\') {
        return inside[2.min(inside.len())..].find('\'').map_or(0, |end| end + 4);
    }
    let Some(c) = inside.chars().next() else { return 0 };
    if inside[c.len_utf8()..].starts_with('\'') { c.len_utf8() + 2 } else { 0 }
}

fn contains_path(code: &str, word: &str) -> bool {
    let mut from = 0;
    while let Some(at) = code[from..].find(word) {
        let begins = from + at;
        let before = code[..begins].chars().next_back();
        if !before.is_some_and(is_word) || !word.starts_with(is_word) {
            return true;
        }
        from = begins + word.len();
    }
    false
}

/// Every room that the code names by a path from the crate's root, or from a folder above its own.
fn rooms_named(path: &str, code: &str) -> Vec<String> {
    let mut out = Vec::new();
    // From a file so deep, so many `super` lead out of the room. A `mod.rs` is its folder's module.
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let parts = inside.split('/').count();
    let depth = if inside.ends_with("mod.rs") { parts - 1 } else { parts };
    let up = "super::".repeat(depth);
    for root in ["crate::", "trueup::", up.as_str()] {
        let mut from = 0;
        while let Some(at) = code[from..].find(root) {
            let begins = from + at;
            from = begins + root.len();
            let before = code[..begins].chars().next_back();
            if before.is_some_and(|c| is_word(c) || c == ':' || c == '$') && root != "crate::" {
                continue;
            }
            if before.is_some_and(is_word) {
                continue;
            }
            named_at(&code[from..], &mut out);
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The first segment of a path, or of each path in a `{…}` group.
fn named_at(rest: &str, out: &mut Vec<String>) {
    let word = |text: &str| text.chars().take_while(|c| is_word(*c)).collect::<String>();
    let Some(group) = rest.strip_prefix('{') else {
        out.push(word(rest));
        return;
    };
    let (mut depth, mut fresh) = (1, true);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            c if is_word(c) && fresh && depth == 1 => {
                out.push(word(&group[i..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("src")];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let relative = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
                out.push((relative, std::fs::read_to_string(&path).expect("readable")));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn every_room_keeps_to_itself() {
    let sources = sources();
    assert!(sources.len() > 50, "the source is where it was");
    let found: Vec<String> = sources.iter().flat_map(|(path, text)| offences(path, text)).collect();
    assert!(found.is_empty(), "{} offences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_room_of_the_source_has_its_place_in_the_order() {
    let mut rooms: Vec<String> = sources().iter().map(|(path, _)| room_of(path).to_string()).collect();
    rooms.sort();
    rooms.dedup();
    rooms.retain(|r| !matches!(r.as_str(), "lib" | "main"));
    let mut known: Vec<&str> = ROOMS.to_vec();
    known.sort_unstable();
    assert_eq!(rooms, known);
}

/// The test can fail: each of these offends, and each in its own way.
#[test]
fn offences_are_found() {
    let offends = |path: &str, text: &str, says: &str| {
        let found = offences(path, &format!("//! Why.\n{text}\n"));
        assert!(!found.is_empty() && found.iter().all(|f| f.contains(says)), "{path} {text:?}: {found:?}");
    };
    offends("src/rate/money.rs", "use crate::book::Config;", "rate is below book");
    offends("src/rate/money.rs", "fn f() -> crate::meter::Metered { todo() }", "rate is below meter");
    offends("src/tidy/row.rs", "use crate::{finding::Code, reconcile::{Case, Input}};", "tidy is below reconcile");
    offends("src/finding.rs", "use super::rate::Currency;", "finding is below rate");
    offends("src/tidy/row.rs", "use super::super::emit::Summary;", "tidy is below emit");
    offends("src/ingest/mod.rs", "use super::book::Period;", "ingest is below book");
    offends("src/engine/mod.rs", "use crate::cli::Printer;", "engine is below cli");
    offends("src/control/ledger.rs", "use std::path::Path;", "control knows no files");
    offends("src/rate/money.rs", "fn f() { fs_err::read(\"x\"); }", "rate knows no files");
    offends("src/book/config.rs", "fn f() { fs::write(\"x\", \"y\"); }", "book writes no files");
    offends("src/engine/mod.rs", "fn f() { std::env::var(\"HOME\"); }", "engine knows no terminal");
    offends("src/ingest/text.rs", "fn f() { println!(\"x\"); }", "prints nothing");
    offends("src/book/utils.rs", "", "names no noun");
    offends("src/book/common/names.rs", "", "names no noun");
    offends("src/book/period.rs", &"\n".repeat(MOST_LINES), "want a second room");
    assert_eq!(offences("src/book/period.rs", "use crate::finding::Code;\n").len(), 1, "no word on why");
}

/// And it does not cry at what is fine.
#[test]
fn what_is_allowed_is_no_offence() {
    for (path, text) in [
        ("src/reconcile/lines.rs", "use crate::{book::Config, rate::{Terms, rate}};\nuse super::super::finding::Code;"),
        ("src/reconcile/lines.rs", "use super::emit_like::Thing;\nuse super::margin::margin;"),
        ("src/rate/money.rs", "// as crate::book has it\nconst A: &str = \"crate::book\";\nconst B: char = '\"';"),
        ("src/rate/money.rs", "const A: &str = r#\"use \"crate::book\"\"#;\nfn f<'a>(x: &'a str) {}"),
        ("src/rate/money.rs", "#[cfg(test)]\nmod tests {\n    use crate::book::Config;\n    use std::fs::File;\n}"),
        ("src/history/lock.rs", "use fs_err::OpenOptions;\nuse crate::book::Period;"),
        ("src/tidy/partition.rs", "fn f() { tempfile::tempfile_in(dir); }"),
        ("src/cli/settings.rs", "use std::env;\nuse trueup::engine::Settings;\nuse super::super::cli::args::Args;"),
    ] {
        assert_eq!(offences(path, &format!("//! Why.\n{text}\n")), [""; 0], "{path} {text:?}");
    }
}
