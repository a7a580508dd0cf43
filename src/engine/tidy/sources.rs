//! What files given by hand are called in outputs: their path from the book where they lie in it, else as
//! given, and never a path that names the machine's own folders.

use std::path::{Component, Path, PathBuf};

/// The names of `files`, in their order. No two files have one name.
pub fn sources(book: &Path, files: &[PathBuf]) -> Vec<String> {
    let book = fs_err::canonicalize(book).ok();
    let within = |file: &Path| {
        let whole = fs_err::canonicalize(file).ok()?;
        Some(shown(whole.strip_prefix(book.as_ref()?).ok()?))
    };
    // Of files elsewhere that are given by absolute paths, the folder they share is left out.
    let apart = |file: &&PathBuf| file.is_absolute() && within(file).is_none();
    let shared = files.iter().filter(apart).filter_map(|f| f.parent()).fold(None, |shared: Option<PathBuf>, parent| {
        Some(match shared {
            None => parent.to_path_buf(),
            Some(shared) => {
                shared.components().zip(parent.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
            }
        })
    });
    let mut names: Vec<String> = Vec::with_capacity(files.len());
    for file in files {
        let name = within(file).unwrap_or_else(|| match &shared {
            Some(shared) if file.is_absolute() => shown(file.strip_prefix(shared).unwrap_or(file)),
            _ => shown(file),
        });
        let mut unique = name.clone();
        let mut number = 2;
        while names.contains(&unique) {
            unique = format!("{name} ({number})");
            number += 1;
        }
        names.push(unique);
    }
    names
}

fn shown(path: &Path) -> String {
    let parts = path.components().filter(|c| !matches!(c, Component::CurDir | Component::RootDir));
    parts.map(|c| c.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_its_book_or_as_given_and_never_by_where_the_machine_keeps_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let book = dir.path().join("book");
        fs_err::create_dir_all(book.join("usage")).expect("made");
        fs_err::create_dir_all(dir.path().join("else/deep")).expect("made");
        let files = ["book/usage/a.csv", "else/a.csv", "else/deep/a.csv"].map(|f| dir.path().join(f));
        for file in &files {
            fs_err::write(file, "x").expect("written");
        }
        assert_eq!(sources(&book, &files), ["usage/a.csv", "a.csv", "deep/a.csv"]);
        let given = [PathBuf::from("./gone/a.csv"), PathBuf::from("gone/a.csv")];
        assert_eq!(sources(&book, &given), ["gone/a.csv", "gone/a.csv (2)"]);
    }
}
