//! Finds the book's files. What lies where is the book's layout; what a file is, its content says. Nothing
//! is passed over in silence: litter that is left out is listed.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use walkdir::{DirEntry, WalkDir};

use super::Period;

/// A file of the book.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BookFile {
    /// Relative to the book, with `/`.
    pub source: String,
    pub path: PathBuf,
}

/// An export, and the period that its name or folder states.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageFile {
    /// Relative to the book, with `/`.
    pub source: String,
    pub path: PathBuf,
    pub period: Option<Period>,
}

/// The book's files, each list sorted by `source`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookFiles {
    pub root: PathBuf,
    pub psa: Vec<BookFile>,
    pub usage: Vec<UsageFile>,
    /// The `.csv` files of `map/`.
    pub maps: Vec<BookFile>,
    pub decisions: Option<BookFile>,
    /// The `.toml` files of `formats/`.
    pub formats: Vec<BookFile>,
    /// Hidden files, notes and editor litter in these folders, which are left out.
    pub ignored: Vec<BookFile>,
    /// The folders of `usage/` that state a period, by their `source`.
    pub usage_folders: Vec<(String, Period)>,
}

#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    #[error("{0} is not a folder; name the book with --book, or make one with `trueup init`")]
    NoBook(PathBuf),
    #[error(
        "{0} has no psa/ folder: put the PSA's clients, products, contracts and contract lines there, \
         or make a book with `trueup init`"
    )]
    NoPsa(PathBuf),
    #[error("psa/ in {0} has no files: put the PSA's clients, products, contracts and contract lines there")]
    EmptyPsa(PathBuf),
    #[error("a folder of the book cannot be read")]
    Walk(#[from] walkdir::Error),
}

/// Finds the files of the book at `root`. A book without PSA data is an error, one without exports is not.
pub fn discover(root: &Path) -> Result<BookFiles, DiscoverError> {
    if !root.is_dir() {
        return Err(DiscoverError::NoBook(root.to_path_buf()));
    }
    let mut files = BookFiles { root: root.to_path_buf(), ..BookFiles::default() };
    if !root.join("psa").is_dir() {
        return Err(DiscoverError::NoPsa(root.to_path_buf()));
    }
    files.psa = walk(root, "psa", &mut files.ignored, &mut |_, _| {})?;
    if files.psa.is_empty() {
        return Err(DiscoverError::EmptyPsa(root.to_path_buf()));
    }
    let mut folders = Vec::new();
    let usage = walk(root, "usage", &mut files.ignored, &mut |source, name| {
        folders.extend(period_in(name).map(|period| (source.to_string(), period)));
    })?;
    folders.sort();
    files.usage_folders = folders;
    files.usage = usage
        .into_iter()
        .map(|f| UsageFile { period: stated_period(&f.source), source: f.source, path: f.path })
        .collect();
    files.maps = only(walk(root, "map", &mut files.ignored, &mut |_, _| {})?, "csv", &mut files.ignored);
    // A folder of that name is refused when it is read: without it every mapping would silently be gone.
    for source in ["map/accounts.csv", "map/products.csv"] {
        let path = root.join(source);
        if path.is_dir() {
            files.maps.push(BookFile { source: source.to_string(), path });
        }
    }
    files.formats = only(walk(root, "formats", &mut files.ignored, &mut |_, _| {})?, "toml", &mut files.ignored);
    let decisions = root.join("decisions.csv");
    files.decisions = decisions.exists().then(|| BookFile { source: "decisions.csv".to_string(), path: decisions });
    files.ignored.sort();
    Ok(files)
}

/// The period of the latest folder right under `usage/`; without any, of the latest folder below, and
/// without that, of the latest file name.
pub fn latest_period(files: &BookFiles) -> Option<Period> {
    let top = files.usage_folders.iter().filter(|(source, _)| source.matches('/').count() == 1);
    let any = files.usage_folders.iter();
    top.map(|(_, p)| *p)
        .max()
        .or_else(|| any.map(|(_, p)| *p).max())
        .or_else(|| files.usage.iter().filter_map(|f| f.period).max())
}

/// The period a file's own name states, else the innermost folder below `usage/` that states one.
pub fn stated_period(source: &str) -> Option<Period> {
    source.rsplit('/').find_map(period_in)
}

/// The one period that a name states as `YYYY-MM`, `YYYY_MM`, `YYYYMM` or a date of these; `None` if it
/// states none, or several that differ.
fn period_in(name: &str) -> Option<Period> {
    let mut runs: Vec<(usize, &str)> = Vec::new();
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[start..];
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        runs.push((name.len() - digits.len(), &digits[..end]));
        rest = &digits[end..];
    }
    let mut stated: Option<Period> = None;
    for (i, (at, run)) in runs.iter().enumerate() {
        let found = match run.len() {
            4 => runs.get(i + 1).and_then(|(next_at, next)| {
                let between = &name[at + 4..*next_at];
                (next.len() == 2 && matches!(between, "-" | "_")).then(|| month(run, next))?
            }),
            6 => month(&run[..4], &run[4..]),
            8 => {
                let (period, day) = (month(&run[..4], &run[4..6]), run[6..].parse().unwrap_or(0));
                period.filter(|p| {
                    NaiveDate::from_ymd_opt(year(&run[..4]), 1, 1).is_some() && (1..=p.days()).contains(&day)
                })
            }
            _ => None,
        };
        match (stated, found) {
            (Some(a), Some(b)) if a != b => return None,
            _ => stated = stated.or(found),
        }
    }
    stated
}

fn year(digits: &str) -> i32 {
    digits.parse().unwrap_or(0)
}

/// Years of other centuries are parts of ids and invoice numbers, not of dates.
fn month(year_digits: &str, month_digits: &str) -> Option<Period> {
    let year = year(year_digits);
    (2000..2100).contains(&year).then(|| Period::new(year, month_digits.parse().ok()?))?
}

fn walk(
    root: &Path,
    folder: &str,
    ignored: &mut Vec<BookFile>,
    on_folder: &mut dyn FnMut(&str, &str),
) -> Result<Vec<BookFile>, DiscoverError> {
    let top = root.join(folder);
    if !top.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut entries = WalkDir::new(&top).follow_links(true).min_depth(1).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            // A link back to a folder above: its files are seen there already.
            Err(error) if error.loop_ancestor().is_some() => {
                ignored.extend(error.path().map(|path| book_file(root, path)));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let file = book_file(root, entry.path());
        if is_litter(&entry) {
            if entry.file_type().is_dir() {
                entries.skip_current_dir();
            }
            ignored.push(file);
        } else if entry.file_type().is_dir() {
            on_folder(&file.source, &entry.file_name().to_string_lossy());
        } else {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

fn book_file(root: &Path, path: &Path) -> BookFile {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|c| c.as_os_str().to_string_lossy()).collect();
    BookFile { source: parts.join("/"), path: path.to_path_buf() }
}

fn is_litter(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().to_lowercase();
    let hidden_or_draft = name.starts_with('.') || name.starts_with("~$") || name.ends_with('~');
    let note = matches!(name.as_str(), "readme" | "readme.txt") || extension_is(&name, "md");
    hidden_or_draft
        || (!entry.file_type().is_dir()
            && (note || matches!(name.as_str(), "thumbs.db" | "desktop.ini") || extension_is(&name, "swp")))
}

fn only(files: Vec<BookFile>, extension: &str, ignored: &mut Vec<BookFile>) -> Vec<BookFile> {
    let (kept, others) = files.into_iter().partition(|f| extension_is(&f.source, extension));
    ignored.extend::<Vec<_>>(others);
    kept
}

fn extension_is(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = dir.path().join(file);
            fs_err::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs_err::write(path, "x").expect("a file");
        }
        dir
    }

    fn sources(files: &[BookFile]) -> Vec<&str> {
        files.iter().map(|f| f.source.as_str()).collect()
    }

    fn p(text: &str) -> Option<Period> {
        text.parse().ok()
    }

    #[test]
    fn files_are_found_by_folder_sorted_and_litter_is_listed() {
        let dir = book(&[
            "psa/clients.csv",
            "psa/cw/agreements.json",
            "psa/.DS_Store",
            "usage/2026-10/b.csv",
            "usage/2026-10/B2.csv",
            "usage/2026-10/a/z.csv.gz",
            "usage/2026-10/~$b.xlsx",
            "usage/2026-10/Thumbs.db",
            "usage/README.md",
            "usage/.git/config",
            "map/accounts.csv",
            "map/notes.txt",
            "formats/mine.toml",
            "decisions.csv",
        ]);
        let files = discover(dir.path()).expect("a book");
        assert_eq!(sources(&files.psa), ["psa/clients.csv", "psa/cw/agreements.json"]);
        let usage: Vec<_> = files.usage.iter().map(|f| f.source.as_str()).collect();
        assert_eq!(usage, ["usage/2026-10/B2.csv", "usage/2026-10/a/z.csv.gz", "usage/2026-10/b.csv"]);
        assert_eq!(sources(&files.maps), ["map/accounts.csv"]);
        assert_eq!(sources(&files.formats), ["formats/mine.toml"]);
        assert!(files.decisions.is_some());
        assert_eq!(
            sources(&files.ignored),
            [
                "map/notes.txt",
                "psa/.DS_Store",
                "usage/.git",
                "usage/2026-10/Thumbs.db",
                "usage/2026-10/~$b.xlsx",
                "usage/README.md"
            ]
        );
        assert!(files.usage.iter().all(|f| f.period == p("2026-10") && f.path.is_file()));
        assert_eq!(latest_period(&files), p("2026-10"));
    }

    #[test]
    fn what_is_missing_is_said() {
        let nowhere = discover(Path::new("no/such/folder")).expect_err("no book");
        assert!(matches!(nowhere, DiscoverError::NoBook(_)), "{nowhere}");
        let dir = book(&["usage/2026-10/a.csv"]);
        assert!(matches!(discover(dir.path()), Err(DiscoverError::NoPsa(_))));
        let dir = book(&["psa/.keep"]);
        let error = discover(dir.path()).expect_err("no PSA data");
        assert!(error.to_string().contains("has no files"), "{error}");
        let dir = book(&["psa/clients.csv"]);
        assert_eq!(discover(dir.path()).map(|f| f.usage.len()).ok(), Some(0));
    }

    #[test]
    fn a_name_states_its_period() {
        for (name, period) in [
            ("2026-10", p("2026-10")),
            ("pax8_2026_10.csv", p("2026-10")),
            ("export-202610.csv", p("2026-10")),
            ("usage20261031", p("2026-10")),
            ("2026-10-01_2026-10-31.csv", p("2026-10")),
            ("2026-10-15_2026-11-14.csv", None),
            ("reconciliation-G012345678.csv", None),
            ("2026-13", None),
            ("20261032", None),
            ("invoice 123456", None),
            ("2026 10", None),
            ("1226-10", None),
            ("202610123456", None),
            ("vendor-2026", None),
        ] {
            assert_eq!(period_in(name), period, "{name}");
        }
    }

    #[test]
    fn the_nearest_statement_of_a_period_wins() {
        assert_eq!(stated_period("usage/2026-10/pax8.csv"), p("2026-10"));
        assert_eq!(stated_period("usage/2026-10/late 2026-09/pax8.csv"), p("2026-09"));
        assert_eq!(stated_period("usage/2026-10/pax8-202611.csv"), p("2026-11"));
        assert_eq!(stated_period("usage/pax8.csv"), None);
    }

    #[test]
    fn the_latest_period_is_the_latest_folder_else_the_latest_file() {
        let latest = |names: &[&str]| {
            let dir = book(&[&["psa/clients.csv"], names].concat());
            latest_period(&discover(dir.path()).expect("a book"))
        };
        assert_eq!(latest(&["usage/2026-09/a.csv", "usage/2026-10/a-2026-11-02.csv"]), p("2026-10"));
        assert_eq!(latest(&["usage/pax8/2026-08/a.csv"]), p("2026-08"));
        assert_eq!(latest(&["usage/a-2026-07.csv", "usage/b-2026-06.csv"]), p("2026-07"));
        assert_eq!(latest(&["usage/a.csv"]), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_files_are_followed_and_folder_loops_are_not() {
        let dir = book(&["psa/clients.csv", "elsewhere/a.csv", "usage/2026-10/b.csv"]);
        let link = |from: &str, to: &str| {
            std::os::unix::fs::symlink(dir.path().join(from), dir.path().join(to)).expect("a link");
        };
        link("elsewhere/a.csv", "usage/2026-10/a.csv");
        link("usage", "usage/2026-10/again");
        let files = discover(dir.path()).expect("a book");
        let usage: Vec<_> = files.usage.iter().map(|f| f.source.as_str()).collect();
        assert_eq!(usage, ["usage/2026-10/a.csv", "usage/2026-10/b.csv"]);
        assert_eq!(sources(&files.ignored), ["usage/2026-10/again"]);
    }
}
