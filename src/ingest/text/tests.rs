use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::ingest::made::{simple_xlsx, zip};

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn surveyed(bytes: &[u8]) -> Result<Survey, Finding> {
    survey(file(bytes).path(), "usage/x.csv")
}

/// The survey, and the whole text.
fn whole(bytes: &[u8]) -> (Survey, String) {
    let file = file(bytes);
    let survey = survey(file.path(), "usage/x.csv").unwrap();
    let mut text = String::new();
    open_text(file.path(), &survey).unwrap().read_to_string(&mut text).unwrap();
    (survey, text)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
}

#[test]
fn encodings_are_told_by_content() {
    let text = "name,quantity\nMüller €,5\n\u{1F600},1\n";
    let le_bom = [b"\xFF\xFE".to_vec(), utf16(text, false)].concat();
    let be_bom = [b"\xFE\xFF".to_vec(), utf16(text, true)].concat();
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        ([b"\xEF\xBB\xBF", text.as_bytes()].concat(), Encoding::Utf8Bom),
        (le_bom, Encoding::Utf16Le),
        (be_bom, Encoding::Utf16Be),
        (utf16(text, false), Encoding::Utf16Le),
        (utf16(text, true), Encoding::Utf16Be),
    ] {
        for bytes in [bytes.clone(), gzip(&bytes)] {
            let (survey, read) = whole(&bytes);
            assert_eq!((survey.encoding, read.as_str(), survey.head.as_str()), (encoding, text, text));
            assert!(survey.head_is_whole && survey.ends_with_newline);
            assert_eq!(survey.bytes, bytes.len() as u64);
        }
    }
    let (survey, read) = whole(b"name\nM\xFCller \x80");
    assert_eq!((survey.encoding, read.as_str()), (Encoding::Windows1252, "name\nMüller €"));
    assert!(!survey.ends_with_newline);
}

/// `😀` is D83D DE00: a NUL in the half where ASCII has none.
#[test]
fn characters_with_a_nul_in_their_other_half_do_not_hide_utf16() {
    for row in ["a;\u{1F600}", "\u{1F600};\u{1F600}\n", "a,\u{100}\u{200},1\n", "x,\u{4E00}\n"] {
        for times in [1, 2, 11, 400] {
            let text = format!("heading,of,the,file\n{}", row.repeat(times));
            for (big, encoding) in [(false, Encoding::Utf16Le), (true, Encoding::Utf16Be)] {
                let (survey, read) = whole(&utf16(&text, big));
                assert_eq!((survey.encoding, &read), (encoding, &text));
            }
        }
    }
}

#[test]
fn utf16_appended_to_another_encoding_is_refused_where_it_begins() {
    let long = "a;1\n".repeat(50_000);
    let short = "a;b\nx;1\n".repeat(20);
    for (head, big) in [(short.as_str(), false), (short.as_str(), true), (long.as_str(), false)] {
        let finding = surveyed(&[head.as_bytes(), &utf16("y;2\nz;3\n", big)].concat()).unwrap_err();
        let line = head.matches('\n').count() as u64 + 1;
        assert_eq!((finding.code, finding.place), (Code::I101, Some(Place::line("usage/x.csv", line))));
    }
}

#[test]
fn other_text_within_utf16_is_refused_where_it_stands() {
    let rows = "x;1\r\ny;2\r\n";
    for end in ["\n", "\r\n"] {
        for heading in ["a;b", "a;bc", "name;number of seats"] {
            let head = format!("{heading}{end}");
            for big in [false, true] {
                let finding = surveyed(&[head.as_bytes(), &utf16(&rows.repeat(9), big)].concat()).unwrap_err();
                assert_eq!(
                    (finding.code, finding.place),
                    (Code::I101, Some(Place::line("usage/x.csv", 1))),
                    "{head:?} {big}"
                );
            }
        }
    }
    for (mark, big) in [(b"\xFF\xFE", false), (b"\xFE\xFF", true)] {
        for appended in ["z;3\r\nu;44\r\n", "zz;3\nu;4\nv;5\n"] {
            let finding = surveyed(&[mark, &utf16(rows, big)[..], appended.as_bytes()].concat()).unwrap_err();
            assert_eq!((finding.code, finding.place.and_then(|p| p.line)), (Code::I101, Some(3)), "{big} {appended:?}");
        }
    }
    // Line ends' bytes are halves of characters, too.
    let text =
        "\u{7684}\u{540D},\u{4E0A}\u{7B2C}\u{524D}\r\n\u{A15}\u{A4D},\u{D15}\u{D4D}\u{D15}\r\n\u{65E5}\u{672C}\n";
    for big in [false, true] {
        assert_eq!(whole(&utf16(&text.repeat(20), big)).1, text.repeat(20));
    }
}

#[test]
fn text_of_another_code_page_is_refused_or_doubted() {
    let text = "имя;город\nИван Петров;Москва\n";
    let cyrillic = encoding_rs::WINDOWS_1251.encode(text).0;
    let finding = surveyed(&cyrillic.repeat(5)).unwrap_err();
    assert_eq!((finding.code, finding.place.and_then(|p| p.line)), (Code::I101, Some(1)));
    let (survey, _) = whole(&[b"name;city\n", &encoding_rs::WINDOWS_1250.encode("Łódź;Łódź\n").0[..]].concat());
    assert_eq!((survey.encoding, survey.strange), (Encoding::Windows1252, Some(2)));
    let (survey, _) = whole(b"name\nM\xFCller\n");
    assert_eq!(survey.strange, None);
    let japanese = encoding_rs::ISO_2022_JP.encode("a,b\n名前,2\n").0;
    let finding = surveyed(&japanese).unwrap_err();
    assert_eq!((finding.code, finding.place.and_then(|p| p.line)), (Code::I101, Some(2)));
    assert!(surveyed(b"a,b\nM\xFC\x05,2\n").unwrap_err().message.contains("control characters"));
    assert_eq!(whole(b"a\x1Bb\n").1, "a\x1Bb\n");
}

#[test]
fn one_byte_at_the_end_of_a_long_file_decides_for_all_of_it() {
    let mut bytes = "Tiger;1\n".repeat(100_000).into_bytes();
    assert_eq!(surveyed(&bytes).unwrap().encoding, Encoding::Utf8);
    bytes.extend_from_slice(b"Gr\xF6\xDFe;1\n");
    let (survey, text) = whole(&bytes);
    assert_eq!(survey.encoding, Encoding::Windows1252);
    assert!(text.starts_with("Tiger;1\n") && text.ends_with("Größe;1\n"));
}

#[test]
fn lines_of_two_encodings_are_refused_where_they_part() {
    let refused = |bytes: &[u8]| {
        let finding = surveyed(bytes).unwrap_err();
        (finding.code, finding.place.and_then(|p| p.line))
    };
    let mut bytes = "Größe;1\n".repeat(100_000).into_bytes();
    bytes.extend_from_slice(b"Gr\xF6\xDFe;1\n");
    assert_eq!(refused(&bytes), (Code::I101, Some(100_001)));
    assert_eq!(refused(b"a;b\nGr\xF6\xDFe;1\nGr\xC3\xB6\xC3\x9Fe;1\n"), (Code::I101, Some(2)));
    // `É` and a no-break space are a character of UTF-8 by chance.
    let (survey, text) = whole(b"CAF\xC9\xA0;1\n");
    assert_eq!((survey.encoding, text.as_str()), (Encoding::Utf8, "CAFɠ;1\n"));
    let (survey, text) = whole(b"CAF\xC9\xA0;1\nd\xE9j\xE0;2\n");
    assert_eq!((survey.encoding, text.as_str()), (Encoding::Windows1252, "CAFÉ\u{a0};1\ndéjà;2\n"));
}

#[test]
fn bytes_that_no_encoding_here_knows_are_refused_with_their_line() {
    for bytes in [&b"a,b\n1,2\nM\x81ller,2\n"[..], b"a,b\n1,2\nM\xFCller\0,2\n"] {
        let finding = surveyed(bytes).unwrap_err();
        assert_eq!((finding.code, finding.place.and_then(|p| p.line)), (Code::I101, Some(3)), "{bytes:?}");
    }
    let utf32: Vec<u8> = "a,b\n1,2\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert!(surveyed(&utf32).unwrap_err().message.contains("UTF-32"));
}

#[test]
fn the_hash_is_of_the_bytes_on_disk() {
    let survey = surveyed(b"abc").unwrap();
    assert_eq!(survey.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn a_head_is_cut_at_a_character() {
    for (unit, bytes) in [("€", "€".repeat(HEAD).into_bytes()), ("€", utf16(&"€,".repeat(HEAD), false))] {
        let survey = surveyed(&bytes).unwrap();
        assert!(
            !survey.head_is_whole && survey.head.len() <= HEAD && survey.head.len() > HEAD - 4,
            "{}",
            survey.head.len()
        );
        assert!(survey.head.starts_with(unit) && !survey.head.contains('\u{FFFD}'));
    }
    let survey = surveyed(&vec![b'a'; HEAD]).unwrap();
    assert!(survey.head_is_whole && survey.head.len() == HEAD);
}

#[test]
fn several_gzip_members_are_one_text() {
    let bytes = [gzip(b"a,b\n"), gzip(b"1,2\n")].concat();
    let (survey, text) = whole(&bytes);
    assert_eq!((survey.container, text.as_str()), (Container::Gzip, "a,b\n1,2\n"));
}

#[test]
fn a_broken_gzip_is_truncated() {
    let rows = (0..50_000).map(|i| format!("{i},{}", i * 7919 % 10007)).collect::<Vec<_>>().join("\n");
    let good = gzip(rows.as_bytes());
    let mut bad_crc = good.clone();
    let at = bad_crc.len() - 6;
    bad_crc[at] ^= 0xFF;
    for bytes in [good[..good.len() / 2].to_vec(), good[..good.len() - 3].to_vec(), good[..5].to_vec(), bad_crc] {
        let finding = surveyed(&bytes).unwrap_err();
        assert_eq!((finding.code, finding.place), (Code::I110, Some(Place::file("usage/x.csv"))));
        assert!(finding.message.contains("bytes could be unpacked"), "{}", finding.message);
    }
    let half = surveyed(&good[..good.len() / 2]).unwrap_err().message;
    assert!(!half.contains(" 0 bytes"), "{half}");
}

#[test]
fn what_is_no_text_is_named() {
    for (bytes, words) in [
        (simple_xlsx(&[("S", "a,b\n1,2\n")]), "this is a workbook, whatever its name says"),
        (zip(&[("a.csv", b"a,b\n"), ("b.csv", b"a,b\n")]), "an archive of several files"),
        (zip(&[("[Content_Types].xml", b""), ("xl/workbook.bin", b"")]), ".xlsb"),
        (zip(&[("[Content_Types].xml", b""), ("word/document.xml", b"")]), "Word"),
        (b"PAR1....PAR1".to_vec(), "Parquet"),
        (b"%PDF-1.7\n".to_vec(), "PDF"),
        (b"\n <!DOCTYPE html><title>Sign in</title>".to_vec(), "sign-in"),
        (b"<html>".to_vec(), "HTML"),
        (b"<table border=1><tr><td>a</td></tr></table>".to_vec(), "HTML"),
        (b"<!-- saved --><html>".to_vec(), "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(), "git lfs pull"),
        (gzip(&simple_xlsx(&[("S", "a")])), "inside the gzip is an Office document"),
        (b"BZh91AY&SY\xA3".to_vec(), "a bzip2 file"),
        (b"\xFD7zXZ\0\0\x04".to_vec(), "an xz file"),
        (b"7z\xBC\xAF\x27\x1C\0\x04".to_vec(), "a 7-Zip archive"),
        (b"Rar!\x1A\x07\0".to_vec(), "a RAR archive"),
        (b"\x04\x22\x4D\x18d".to_vec(), "an lz4 file"),
        (b"{\\rtf1\\ansi a,b}".to_vec(), "a rich text document"),
        ([vec![b'a'; 257], b"ustar\x0000".to_vec(), vec![b'0'; 250]].concat(), "a tar archive"),
        (gzip(&[vec![b'a'; 257], b"ustar\x0000".to_vec(), vec![b'0'; 250]].concat()), "inside the gzip is a tar"),
        (gzip(&gzip(b"a,b\n")), "inside the gzip is a gzip file"),
    ] {
        let finding = surveyed(&bytes).unwrap_err();
        assert_eq!(finding.code, Code::I101);
        assert!(finding.message.contains(words), "{words}: {}", finding.message);
    }
}

#[test]
fn an_empty_file_is_told_from_a_missing_one() {
    for bytes in [&b""[..], b" \r\n\t", b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\n", b"\xFF\xFE", b"\xFF\xFE\n\0", &gzip(b"")] {
        assert_eq!(surveyed(bytes).unwrap_err().code, Code::I114, "{bytes:?}");
    }
    let finding = survey(Path::new("no/such/file"), "usage/x.csv").unwrap_err();
    assert_eq!(
        finding.to_string(),
        "usage/x.csv: error[I101 unreadable-file]: the file cannot be read: there is no such file"
    );
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(survey(folder.path(), "usage").unwrap_err().code, Code::I101);
}

#[test]
fn a_text_that_ends_in_the_middle_of_a_character_is_truncated() {
    let cut = "a,b\n1,€".as_bytes();
    for bytes in [&cut[..cut.len() - 1], &utf16("a,b\n1", false)[..9], &utf16("ab,c\u{1F600}", true)[..10]] {
        let finding = surveyed(bytes).unwrap_err();
        assert_eq!(finding.code, Code::I110, "{finding}");
    }
    assert_eq!(surveyed(&cut[..cut.len() - 1]).unwrap_err().place, Some(Place::line("usage/x.csv", 2)));
}

#[test]
fn a_text_that_breaks_its_own_mark_is_refused_with_the_line() {
    let finding = surveyed(b"\xEF\xBB\xBFa\nb\nM\xFCller\n").unwrap_err();
    assert_eq!((finding.code, finding.place), (Code::I101, Some(Place::line("usage/x.csv", 3))));
    let finding = surveyed(b"\xFF\xFEa\0\n\0\x00\xDCb\0").unwrap_err();
    assert_eq!((finding.code, finding.place), (Code::I101, Some(Place::line("usage/x.csv", 2))));
}

#[test]
fn nuls_in_a_utf8_text_stay() {
    let (survey, text) = whole(b"a,b\0,c,d,e,f,g\n");
    assert_eq!((survey.encoding, text.as_str()), (Encoding::Utf8, "a,b\0,c,d,e,f,g\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), start in 0_usize..8) {
        let starts: [&[u8]; 8] = [b"", b"\xFF\xFE", b"\xFE\xFF", b"\xEF\xBB\xBF", b"\x1f\x8b\x08\0", b"PK\x03\x04", b"{\"a\"", b"[{"];
        let bytes = [starts[start], &bytes].concat();
        let file = file(&bytes);
        if let Ok(survey) = survey(file.path(), "x") {
            let mut text = String::new();
            open_text(file.path(), &survey).unwrap().read_to_string(&mut text).unwrap();
            prop_assert_eq!(text, survey.head);
        }
    }

    #[test]
    fn text_in_any_encoding_is_read_again(text in "([a-z]{1,3}[,;\n][€ü\u{1F600}]?){0,800}", times in 1_usize..40) {
        let text = format!("heading,of,the,file\n{}", text.repeat(times));
        for bytes in [utf16(&text, false), utf16(&format!("\u{FEFF}{text}"), true), text.clone().into_bytes()] {
            let (survey, read) = whole(&bytes);
            prop_assert_eq!(&read, &text, "{}", survey.encoding.name());
        }
    }
}
