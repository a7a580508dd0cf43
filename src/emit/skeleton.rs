//! A new book: the folders and the files to fill in, so that nobody starts from an empty directory.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::error::EmitError;

/// A file of a book: its path with `/`, and its bytes.
pub type BookFile = (&'static str, &'static [u8]);

const FOLDERS: &[&str] = &["psa", "usage", "map", "formats"];

/// The files of an empty book.
pub const SKELETON: &[BookFile] = &[
    ("trueup.toml", include_bytes!("skeleton/trueup.toml")),
    (
        "map/accounts.csv",
        b"provider_name,sub_account_id,sub_account_name,client_id,status,valid_from,valid_to,note\n",
    ),
    (
        "map/products.csv",
        b"provider_name,sku_id,charge_description,term,metric,product_code,multiplier,rule,status,valid_from,valid_to,note\n",
    ),
    ("map/bundles.csv", b"bundle_code,component_code,quantity_per_bundle,driver\n"),
    ("decisions.csv", b"discrepancy_id,decision,quantity,from,until,difference,who,reason\n"),
];

#[derive(Debug, thiserror::Error)]
pub enum SkeletonError {
    #[error("{} is not empty: it has {found:?}; name a new folder, for example `trueup init my-book`", folder.display())]
    NotEmpty { folder: PathBuf, found: String },
    /// The message of the inner error names the path.
    #[error("the folder of the new book cannot be used; correct its permissions or name another")]
    Folder(#[from] io::Error),
    #[error(transparent)]
    Write(#[from] EmitError),
}

/// Makes a book of these files in `root`, which must not exist or be empty. Nothing is written otherwise.
pub fn write_new_book(root: &Path, files: &[BookFile]) -> Result<(), SkeletonError> {
    fs::create_dir_all(root)?;
    let mut names: Vec<_> = fs::read_dir(root)?.collect::<Result<_, _>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    if let Some(first) = names.first() {
        let found = first.file_name().to_string_lossy().into_owned();
        return Err(SkeletonError::NotEmpty { folder: root.to_path_buf(), found });
    }
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder))?;
    }
    for (name, bytes) in files {
        let path = root.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bytes).map_err(|e| EmitError::new(&path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_book_has_every_file_and_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("new/book");
        write_new_book(&root, SKELETON).expect("written");
        for (name, bytes) in SKELETON {
            assert_eq!(fs::read(root.join(name)).expect("read"), *bytes);
        }
        assert!(FOLDERS.iter().all(|f| root.join(f).is_dir()));
    }

    #[test]
    fn a_folder_with_anything_in_it_is_left_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("mine.txt"), "x").expect("written");
        let error = write_new_book(dir.path(), SKELETON).expect_err("not empty");
        assert!(error.to_string().contains("\"mine.txt\""), "{error}");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
    }

    #[test]
    fn the_commented_settings_are_valid_toml_once_uncommented() {
        let text = std::str::from_utf8(SKELETON[0].1).expect("text");
        let keys =
            text.lines().filter_map(|l| l.strip_prefix("# ")).filter(|l| l.starts_with('[') || l.contains(" = "));
        let bare = keys.collect::<Vec<_>>().join("\n");
        let table: toml::Table = toml::from_str(&bare).expect("valid");
        assert_eq!(
            table.keys().collect::<Vec<_>>(),
            ["tolerance", "billing", "proration", "rounding", "psa", "words", "fx"]
        );
    }
}
