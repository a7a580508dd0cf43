//! Whether bytes that are not UTF-8 make sense as Windows-1252. Nearly every byte is some character there, so Cyrillic,
//! Greek, Chinese or Mac text reads without a fault, as names that nobody has: only their look tells.

/// What speaks against Windows-1252, so far.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Bytes that are not ASCII.
    high: u64,
    /// Those that stand where no word of a western language has them.
    strange: u64,
    first: Option<u64>,
    /// The line of the first control character that no text has.
    control: Option<u64>,
    before: [Kind; 2],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Other,
    Lower,
    Upper,
    /// Letters that are not ASCII.
    HighLower,
    HighUpper,
    /// Signs that stand by themselves or beside figures.
    Sign,
    /// `¡`, `¿`: right before a word.
    Opening,
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Kind::Lower,
            b'A'..=b'Z' => Kind::Upper,
            0xC0..=0xD6 | 0xD8..=0xDE | 0x8A | 0x8C | 0x8E | 0x9F => Kind::HighUpper,
            0xDF..=0xF6 | 0xF8..=0xFF | 0x9A | 0x9C | 0x9E => Kind::HighLower,
            0xA1 | 0xBF => Kind::Opening,
            // Not those that stand beside words: quotes, dashes, `®`, `™`, `°`, `²`, ordinals.
            0x83
            | 0x86..=0x89
            | 0x8B
            | 0x95
            | 0x98
            | 0x9B
            | 0xA2..=0xA8
            | 0xAC
            | 0xAF
            | 0xB1
            | 0xB4
            | 0xB6
            | 0xB8
            | 0xBC..=0xBE
            | 0xD7
            | 0xF7 => Kind::Sign,
            _ => Kind::Other,
        }
    }

    const fn is_high_letter(self) -> bool {
        matches!(self, Kind::HighLower | Kind::HighUpper)
    }

    const fn is_letter(self) -> bool {
        matches!(self, Kind::Lower | Kind::Upper | Kind::HighLower | Kind::HighUpper)
    }

    const fn is_lower(self) -> bool {
        matches!(self, Kind::Lower | Kind::HighLower)
    }
}

impl Looks {
    /// `line` is where the bytes begin.
    pub fn take(&mut self, bytes: &[u8], mut line: u64) {
        for byte in bytes {
            line += u64::from(*byte == b'\n');
            self.high += u64::from(!byte.is_ascii());
            if matches!(byte, 0x02..=0x08 | 0x0E..=0x19 | 0x1B) {
                self.control.get_or_insert(line);
            }
            let (kind, [first, second]) = (Kind::of(*byte), self.before);
            if is_strange(first, second, kind) {
                self.strange += 1;
                self.first.get_or_insert(line);
            }
            self.before = [second, kind];
        }
    }

    /// The line of the first characters that make no word.
    pub const fn strange(&self) -> Option<u64> {
        self.first
    }

    /// The line where the text shows that it is in another code page: so much of it cannot be chance.
    pub const fn is_another(&self) -> Option<u64> {
        if self.strange >= 20 && self.strange * 3 >= self.high { self.first } else { None }
    }

    pub const fn control(&self) -> Option<u64> {
        self.control
    }
}

/// Whether the last of three characters in a row gives their word away.
fn is_strange(first: Kind, second: Kind, third: Kind) -> bool {
    match (first, second, third) {
        // Words with three accented letters in a row are rarer than words of other scripts.
        (a, b, c) if a.is_high_letter() && b.is_high_letter() && c.is_high_letter() => true,
        (_, Kind::Sign, c) if c.is_high_letter() => true,
        (_, b, Kind::Sign) if b.is_high_letter() => true,
        (a, Kind::Sign | Kind::Opening, c) if a.is_letter() && c.is_letter() => true,
        (_, Kind::Sign, Kind::Sign) => true,
        (a, Kind::HighUpper, c) => a.is_lower() && c.is_lower(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(bytes: &[u8]) -> Looks {
        let mut looks = Looks::default();
        looks.take(bytes, 1);
        looks
    }

    #[test]
    fn western_texts_look_like_themselves() {
        for text in [
            "Müller & Söhne GmbH, Köln\nGroße Straße 5\n",
            "Société Générale, créée à Nîmes; naïve cœur; déjà vu\n",
            "¿Él? ¡Última oportunidad! Año, Ñandú, 1ª, 2º\n",
            "Malmö AB, Åkeri, Ærø, Þór, Hafnarfjörður\n",
            "São Paulo, ação, João; ÉCOLE, GRÜN, À LA CARTE\n",
            "5 £, £5, €10, 20 °C, m², Office®Plus, Intel™Core, § 5, 10 ± 2, ½, «oui», “x”–“y”, L’été…\n",
            "Šiška, Žižek, Œuvre\n",
        ] {
            let bytes = encoding_rs::WINDOWS_1252.encode(text).0;
            assert_eq!(looks(&bytes).strange(), None, "{text}");
        }
    }

    #[test]
    fn texts_of_other_code_pages_are_told_apart() {
        use encoding_rs::{BIG5, GBK, ISO_8859_2, KOI8_R, MACINTOSH, WINDOWS_1250, WINDOWS_1251, WINDOWS_1253};
        use encoding_rs::{SHIFT_JIS, WINDOWS_1255, WINDOWS_1256};
        for (page, text, certain) in [
            (WINDOWS_1251, "имя,город\nИван Петров,Москва\n", true),
            (KOI8_R, "имя,город\nИван Петров,Москва\n", true),
            (WINDOWS_1253, "όνομα,πόλη\nΓιάννης,Αθήνα\n", true),
            (WINDOWS_1255, "שם,עיר\nחברה,תל אביב\n", true),
            (WINDOWS_1256, "اسم\nشركة\n", true),
            (SHIFT_JIS, "ﾃｽﾄ\n", false),
            (BIG5, "名稱,城市\n北京,上海\n", false),
            (GBK, "名称\n北京\n", false),
            (WINDOWS_1250, "nazwa\nŁódź\n", false),
            (ISO_8859_2, "nazwa\nŁódź\n", false),
        ] {
            let bytes = page.encode(text).0;
            assert!(looks(&bytes).strange().is_some(), "{} {text}", page.name());
            assert!(!certain || looks(&bytes.repeat(20)).is_another().is_some(), "{} {text}", page.name());
        }
        // `•` for `ï`.
        assert_eq!(MACINTOSH.decode(b"\nNa\x95ve").0, "\nNaïve");
        assert_eq!(looks(b"\nNa\x95ve").strange(), Some(2));
        assert_eq!(looks("äöü".repeat(2).as_bytes()).is_another(), None);
        assert_eq!(looks(b"a\nb\x05").control(), Some(2));
    }
}
