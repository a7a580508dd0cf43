//! The names of clients, and how vendors spell them. All spellings of a client are one name once case, width,
//! spacing and legal form are folded; what is joined by mapping, or by nothing, bears a name of its own.

use super::Plan;
use super::rows::Joined;

/// Spellings that a client can have: legal form × case × spacing × width.
pub const SPELLINGS: u64 = 8 * 3 * 2 * 2;

const FORMS: [&str; 8] = [" LLC", ", L.L.C.", " Inc", ", Inc.", " Ltd", " Limited", " GmbH", ""];
const TRADES: [&str; 12] = [
    "Dental",
    "Logistics",
    "Architects",
    "Brewing",
    "Insurance",
    "Pharmacy & Sons",
    "Marine",
    "Academy",
    "Foundry",
    "Bakery",
    "Surveyors",
    "Textiles",
];

/// Every spelling as a CSV cell, quoted where need be.
pub struct Names {
    cells: Vec<Box<[u8]>>,
}

impl Names {
    pub fn new(plan: &Plan) -> Self {
        Self { cells: (0..plan.names).map(|n| cell(&spelling(plan, n)).into_bytes().into()).collect() }
    }

    pub fn cell(&self, name: u64) -> &[u8] {
        &self.cells[name as usize]
    }
}

/// The client's name in the PSA.
pub fn client_name(client: u64) -> String {
    format!("{}{}", bare_name(client), FORMS[client as usize % 3])
}

fn bare_name(client: u64) -> String {
    let mut first = String::new();
    // An odd factor only puts the first 2^18 in another order, and neighbours far apart.
    let (rest, mut place) = (client >> 18, client.wrapping_mul(160_401) % (1 << 18));
    for _ in 0..3 {
        first.push(b"bdfghjklmnprstvz"[place as usize % 16] as char);
        first.push(b"aeiu"[place as usize / 16 % 4] as char);
        place /= 64;
    }
    let first = first[..1].to_uppercase() + &first[1..];
    let number = if rest == 0 { String::new() } else { format!(" {rest}") };
    format!("{first}{number} {}", TRADES[client as usize * 7 % 12])
}

/// The raw name `name` as its vendor writes it.
pub fn spelling(plan: &Plan, name: u64) -> String {
    let client = name % plan.clients;
    match plan.joined(name) {
        Joined::ByNothing => return format!("Walk-in {name} {}", TRADES[name as usize % 12]),
        Joined::Internal => return format!("Own use {name}"),
        Joined::ByMapping => return format!("Site {name} / {}", TRADES[client as usize % 12]),
        Joined::ByName => {}
    }
    // 37 has no factor in common with the spellings, so that no two of a client are alike.
    let way = (name / plan.clients * 37 + client) % SPELLINGS;
    let mut text = bare_name(client);
    if way / 48 == 1 {
        let (first, rest) = text.split_once(' ').unwrap_or((&text, ""));
        text = format!("{} {rest}", first.chars().map(full_width).collect::<String>());
    }
    if way / 24 % 2 == 1 {
        text = text.replace(' ', "  ").replace('&', "and");
    }
    text.push_str(FORMS[way as usize % 8]);
    match way / 8 % 3 {
        0 => text,
        1 => text.to_uppercase(),
        _ => text.to_lowercase(),
    }
}

fn full_width(letter: char) -> char {
    if letter.is_ascii_graphic() { char::from_u32(letter as u32 + 0xFEE0).unwrap_or(letter) } else { letter }
}

pub fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_string() }
}
