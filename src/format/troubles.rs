//! What happens to each trouble that real exports bring, beside the tests that hold it: the table of
//! docs/FORMATS.md.

/// One trouble. An empty `refused` means that it is always read.
pub(super) struct Trouble {
    pub name: &'static str,
    pub read: &'static str,
    pub refused: &'static str,
    /// Test functions anywhere in the tree.
    pub tests: &'static [&'static str],
}

const fn trouble(
    name: &'static str,
    read: &'static str,
    refused: &'static str,
    tests: &'static [&'static str],
) -> Trouble {
    Trouble { name, read, refused, tests }
}

pub(super) const TROUBLES: &[Trouble] = &[
    trouble(
        "UTF-16, Windows-1252",
        "yes, told by content; said so, `I108`",
        "half a character, or a line that breaks the file's own mark: `I101`, `I110`; lines of two encodings, other text \
         before or behind UTF-16, or bytes that none of them has: `I101` with the line",
        &[
            "encodings_are_told_by_content",
            "a_text_that_breaks_its_own_mark_is_refused_with_the_line",
            "lines_of_two_encodings_are_refused_where_they_part",
            "bytes_that_no_encoding_here_knows_are_refused_with_their_line",
            "utf16_appended_to_another_encoding_is_refused_where_it_begins",
            "other_text_within_utf16_is_refused_where_it_stands",
        ],
    ),
    trouble(
        "Other code pages (Cyrillic, Greek, Shift-JIS …)",
        "as Windows-1252 where the bytes allow it, with a warning at the first line whose words are unlikely there, `I108`",
        "where most of its words are none there, or characters of ASCII stand for others (ISO-2022, HZ, UTF-7): `I101` with \
         the line",
        &[
            "text_of_another_code_page_is_refused_or_doubted",
            "texts_of_other_code_pages_are_told_apart",
            "hz_and_utf7_are_told_at_the_line_that_shows_them",
        ],
    ),
    trouble(
        "A second BOM inside the data",
        "yes, at the beginning of any line",
        "",
        &["a_mark_at_the_beginning_of_a_line_is_no_data"],
    ),
    trouble(
        "NUL bytes",
        "in a text cell they stay as they are",
        "in a number: the row, `I105`; a file that is no text: `I101`",
        &["nuls_in_a_utf8_text_stay", "a_nul_in_a_number_rejects_its_row", "what_is_no_text_is_named"],
    ),
    trouble("CRLF, LF, lone CR, mixed", "yes; each ends one line", "", &["every_kind_of_line_end_counts_as_one_line"]),
    trouble(
        "`sep=;` on the first line",
        "yes; it states the delimiter, whichever character it is",
        "",
        &["a_sep_line_states_the_delimiter"],
    ),
    trouble(
        "Semicolon, tab or `|` for comma",
        "yes, as the heading row shows",
        "",
        &["a_users_format_reads_like_a_built_in_one", "number_style_is_the_columns_else_the_files_else_refused"],
    ),
    trouble(
        "Two delimiters that fit alike, or one that is never guessed (`^`, `~`, `，`, spaces)",
        "by `read`, with a warning that names the other, `I104`",
        "",
        &["a_second_delimiter_that_fits_as_well_is_a_rival", "a_delimiter_that_is_never_guessed_is_suspected"],
    ),
    trouble(
        "Line ends inside quotes",
        "yes",
        "the quote swallows whole rows: `I109` where it opens",
        &["the_raw_text_and_the_last_line_end_are_kept", "a_quote_that_swallows_whole_rows_is_told_by_the_field_count"],
    ),
    trouble("Doubled quotes", "yes", "", &["quotes_are_undone_as_rfc_4180_has_it"]),
    trouble(
        "Quotes escaped as `\\\"`",
        "where the rows of the whole file fit their headings so and not with doubled quotes; said so, `I109`",
        "the file where every row fits both ways, `I109`; where the file needs both, the rows that are not as RFC 4180 \
         has it, `I109` or `I104`",
        &[
            "quotes_escaped_by_a_backslash_are_read_where_the_rows_need_it",
            "a_file_that_needs_both_ways_rejects_the_rows_that_are_not_as_the_standard_has_it",
            "a_path_that_ends_in_a_backslash_escapes_nothing",
        ],
    ),
    trouble(
        "Unbalanced quotes",
        "every other row",
        "the line where the quote opens, `I109`",
        &[
            "a_quote_open_at_the_end_of_the_file_gives_the_later_rows_back",
            "an_unbalanced_quote_far_down_costs_only_its_own_line",
        ],
    ),
    trouble(
        "Very long fields",
        "up to 16 MiB quoted",
        "longer: `I109`; a line beyond 32 MiB: `I104`",
        &[
            "a_field_of_five_megabytes_is_read_and_one_of_seventeen_is_refused",
            "a_line_without_end_is_skipped_in_bounded_memory",
        ],
    ),
    trouble("`=\"0012\"`", "yes, as `0012`", "", &["a_formula_that_keeps_a_text_a_text_is_undone"]),
    trouble(
        "Titles above, notes below, blank lines",
        "left out and counted as such, also where a spreadsheet wrote them as wide as the table, and by `read` a line drawn \
         below the headings (`----,----`); headings within the first 50 rows",
        "a lone cell between rows: the row, `I104`",
        &[
            "titles_totals_notes_blanks_and_repeated_headings_are_no_rows",
            "titles_as_wide_as_the_table_are_titles",
            "a_line_drawn_below_the_headings_is_no_record",
            "a_lone_cell_between_rows_is_a_broken_row",
        ],
    ),
    trouble(
        "No headings",
        "by `read`: a first row of values is a record of numbered columns, and one that may be is told, `I103`",
        "as an export: `I102`",
        &["a_first_row_of_values_is_a_record", "a_first_row_of_values_is_no_row_of_headings"],
    ),
    trouble(
        "Headings repeated among the rows",
        "left out; said so, `I112`",
        "",
        &["titles_totals_notes_blanks_and_repeated_headings_are_no_rows"],
    ),
    trouble(
        "Total rows",
        "left out and compared with the rows' sum, `I113` where they differ",
        "",
        &[
            "a_total_that_does_not_add_up_is_told_with_both_amounts",
            "totals_of_sections_are_compared_with_their_section",
            "a_customer_called_total_is_a_customer",
        ],
    ),
    trouble(
        "Headings over two rows",
        "where each stands in one of the rows, below a group's name that spans columns, or word over word (`Unit` over \
         `Price`), and the two make a known format; said so, `I116`",
        "where they make none: `I102`, `I103`",
        &[
            "headings_over_two_rows_are_joined_where_each_stands_in_one",
            "headings_whose_words_stand_over_each_other_are_joined",
            "headings_over_two_rows_that_make_no_format_are_refused",
        ],
    ),
    trouble(
        "Headings that stand twice",
        "where the format does not read them",
        "where it does: `I103`",
        &["blank_headings_and_unread_doubles_do_no_harm", "a_heading_that_is_read_and_stands_twice_is_refused"],
    ),
    trouble(
        "Blank headings",
        "yes; their columns are left out, and cells that stand there are counted and said, `I116`",
        "",
        &["blank_headings_and_unread_doubles_do_no_harm", "cells_below_a_blank_heading_are_counted_and_said"],
    ),
    trouble(
        "Rows too long or too short",
        "where only empty cells are too many (trailing delimiters)",
        "the row, `I104`, with no amount taken from it; the last row of a file cut off: `I110`",
        &[
            "wrong_field_counts_are_rejected_with_both_numbers_and_no_money",
            "a_last_row_cut_short_says_the_file_is_truncated",
        ],
    ),
    trouble(
        "Empty files, headings without rows",
        "headings alone are no rows, `I114`",
        "an empty file: `I114`",
        &["an_empty_file_and_a_file_of_headings_are_told"],
    ),
    trouble(
        "Decimal comma, thousands",
        "`1,234.56`, `1.234,56`, `1 234,56` (also with non-breaking spaces), `1'234.56`; the style is the format's, else \
         the column's, else the file's",
        "a column that fits two readings, or mixes both: `I105`; groups not of three: `I105`",
        &[
            "numbers_read_as_written",
            "what_is_not_certain_is_refused",
            "number_style_is_the_columns_else_the_files_else_refused",
        ],
    ),
    trouble(
        "Currency signs and codes, `(12.00)`, `12.00-`",
        "yes, before or behind",
        "two of them, or words: `I105`",
        &["numbers_read_as_written", "what_is_not_certain_is_refused"],
    ),
    trouble(
        "Percent",
        "`12%` is 0.12",
        "of an amount of money (`$12%`): `I105`",
        &["a_percentage_is_its_hundredth_exactly", "what_is_not_certain_is_refused"],
    ),
    trouble(
        "Exponents",
        "`7.29E-9` is exact in a number column",
        "digits that a spreadsheet cut off (`1.23457E+17`), in a number as in an id: `I117`; more than 28 digits: `I105`",
        &[
            "numbers_read_as_written",
            "what_is_not_certain_is_refused",
            "bad_cells_are_rejected_at_their_place_and_keep_what_can_be_read",
        ],
    ),
    trouble(
        "Day and month in any order, two-digit years",
        "as the format states, else as the whole column shows; years 70 to 99 are of the last century",
        "a column that fits two orders: `I107`",
        &["a_column_says_its_order", "an_order_settles_what_is_not_certain", "date_order_is_the_columns_else_refused"],
    ),
    trouble("`30-AUG-2025`", "yes", "", &["dates_that_need_no_order"]),
    trouble(
        "Spreadsheet serials for dates",
        "in workbooks, where the cell says that it is a date; in text where a date column holds nothing else (`45931`), \
         as days of the 1900 system, and said so, `I106`",
        "in text among other dates, or outside the years 1990 to 2100: `I106`",
        &[
            "serials_are_days_of_their_system",
            "a_date_column_of_serials_alone_is_days_of_1900_and_says_so",
            "serials_among_other_dates_are_refused",
        ],
    ),
    trouble(
        "A JSON record with one name twice",
        "where both values are the same",
        "the record, `I111`, at any depth",
        &["a_record_with_two_values_under_one_name_costs_only_itself"],
    ),
    trouble(
        "JSON that is no list of records",
        "an object that wraps one list of records, at any depth: the list, and a warning of what else it says, `I116`; any \
         other lone object: as one record, and lists or records within it are told, `I104`",
        "an object with two lists that may be the one; arrays of anything but objects; JSON below a line that is none: `I104`",
        &[
            "a_list_alone_holds_the_records_whatever_its_name",
            "what_an_object_says_beside_its_records_is_told",
            "an_envelope_with_two_lists_is_refused",
            "json_that_is_no_list_of_records_is_refused_or_told",
            "a_lone_object_of_records_by_name_is_told",
            "json_of_nothing_but_faults_says_so",
            "arrays_of_other_things_are_no_tables",
        ],
    ),
    trouble(
        "One page of several",
        "with a warning, `I110`, unless the others are there and have all records between them",
        "",
        &["a_page_of_several_is_told", "pages_are_all_there_when_they_have_all_records_between_them"],
    ),
    trouble(
        "Hidden sheets and columns, hidden and filtered rows",
        "as if they were shown, with a warning and the first of them, `I116`",
        "a hidden sheet that fits `generic` alone, beside one that is shown: left out, `I102`",
        &["hidden_rows_are_read_and_told", "hidden_sheets_and_columns_are_read_and_told"],
    ),
    trouble(
        "Cells over several rows, formulas without a value",
        "what stands in the first row; a warning with the first such cell, `I111`",
        "the row where the format reads a formula that failed or has no value: `I111`",
        &[
            "cells_over_several_rows_and_formulas_without_a_value_are_told",
            "a_failed_formula_rejects_the_row_that_needs_it_and_no_other",
        ],
    ),
    trouble(
        "Damaged, chained and endless containers",
        "gzip members and zstd frames one behind another",
        "whatever is cut off, spoilt or followed by something else: `I110`; what unpacks beyond the limits: `I101`",
        &[
            "several_gzip_members_are_one_text",
            "damaged_and_closed_archives_say_so",
            "what_a_cell_needs_and_is_not_there_breaks_the_workbook",
            "a_page_that_is_not_what_its_checksum_says_is_refused",
            "bombs_are_refused_by_ratio_and_by_size",
        ],
    ),
    trouble(
        "Impossible dates and times",
        "no",
        "the row, `I106`",
        &["impossible_dates_name_the_part", "a_focus_time_that_no_clock_shows_is_refused"],
    ),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn sources(folder: &Path, text: &mut String) {
        for entry in fs_err::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&fs_err::read_to_string(&path).expect("a source"));
            }
        }
    }

    #[test]
    fn every_trouble_is_held_by_tests_that_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut text = String::new();
        sources(&root.join("src"), &mut text);
        sources(&root.join("tests"), &mut text);
        for trouble in TROUBLES {
            assert!(!trouble.tests.is_empty(), "{} is held by no test", trouble.name);
            for test in trouble.tests {
                let is_there = text.contains(&format!("#[test]\n    fn {test}()"))
                    || text.contains(&format!("#[test]\nfn {test}()"));
                assert!(is_there, "{}: there is no test {test}", trouble.name);
            }
        }
    }
}
