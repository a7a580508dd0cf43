//! Old outputs or new ones, never a mix: step by step, and with a writer that is killed for real.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;

const FILES: [&str; 6] = ["a.csv", "b.csv", "c.csv", "d.csv", "e.parquet", "summary.json"];

fn period() -> Period {
    Period::new(2026, 10).expect("a month")
}

#[allow(clippy::unnecessary_wraps, reason = "the shape of a swap")]
fn unsupported(_: &Path, _: &Path) -> io::Result<Swapped> {
    Ok(Swapped::Unsupported)
}

fn write_generation(staging: &Staging<'_>, generation: &str) {
    for name in FILES {
        // Long enough that a kill falls into the writing of a file too.
        fs::write(staging.path(name), format!("{generation}\n").repeat(2_000)).expect("written");
    }
}

fn run(book: &Path, generation: &str, swap: fn(&Path, &Path) -> io::Result<Swapped>) {
    let lock = RunLock::acquire(book).expect("free");
    let staging = Staging::begin(&lock, period()).expect("begun");
    write_generation(&staging, generation);
    staging.commit_by(swap).expect("committed");
}

/// The generation of the visible outputs; `None` if there are none. Panics on a mix or a part.
fn visible(book: &Path) -> Option<String> {
    let folder = book.join("out/2026-10");
    if !folder.exists() {
        return None;
    }
    let mut names: Vec<_> = fs::read_dir(&folder).expect("listed").map(|e| e.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, FILES);
    let texts: Vec<_> = FILES.map(|f| fs::read_to_string(folder.join(f)).expect("read")).to_vec();
    assert!(texts.iter().all(|t| t == &texts[0]), "outputs of more than one run");
    assert_eq!(texts[0].lines().count(), 2_000, "a part of a file");
    texts[0].lines().next().map(ToString::to_string)
}

fn left_in_out(book: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(book.join("out"))
        .expect("listed")
        .map(|e| e.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_commit_replaces_all_outputs_and_leaves_no_litter() {
    for swap in [swap, unsupported] {
        let book = tempfile::tempdir().expect("a folder");
        for generation in ["1", "2", "2"] {
            run(book.path(), generation, swap);
            assert_eq!(visible(book.path()).as_deref(), Some(generation));
            assert_eq!(left_in_out(book.path()), [".lock", "2026-10"]);
        }
    }
}

#[test]
fn what_others_put_beside_the_outputs_is_carried_over() {
    for swap in [swap, unsupported] {
        let book = tempfile::tempdir().expect("a folder");
        run(book.path(), "1", swap);
        let folder = book.path().join("out/2026-10");
        fs::write(folder.join("notes.txt"), "asked Ann").expect("written");
        fs::create_dir(folder.join("mine")).expect("made");
        fs::write(folder.join("mine/a.csv"), "x").expect("written");
        // An output that the run no longer writes is no one's note.
        fs::write(folder.join(Output::Rejects.file()), "old").expect("written");
        run(book.path(), "2", swap);
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        assert_eq!(read("notes.txt").as_deref(), Some("asked Ann"));
        assert_eq!(read("mine/a.csv").as_deref(), Some("x"));
        assert_eq!(read(Output::Rejects.file()), None);
        assert!(read("a.csv").expect("an output").starts_with('2'));
    }
}

#[test]
fn a_file_in_the_place_of_the_outputs_is_left_alone() {
    let book = tempfile::tempdir().expect("a folder");
    let lock = RunLock::acquire(book.path()).expect("free");
    fs::write(book.path().join("out/2026-10"), "mine").expect("written");
    let error = Staging::begin(&lock, period()).expect_err("refused");
    assert!(error.to_string().contains("is a file"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_leaves_the_old_outputs() {
    let book = tempfile::tempdir().expect("a folder");
    run(book.path(), "1", swap);
    let lock = RunLock::acquire(book.path()).expect("free");
    let staging = Staging::begin(&lock, period()).expect("begun");
    write_generation(&staging, "2");
    fs::remove_file(staging.path("summary.json")).expect("removed");
    std::os::unix::fs::symlink("/dev/full", staging.path("summary.json")).expect("linked");
    let error = fs::write(staging.path("summary.json"), "2").expect_err("no space");
    assert!(error.to_string().contains("summary.json"), "{error}");
    drop(staging);
    assert_eq!(visible(book.path()).as_deref(), Some("1"));
    assert_eq!(left_in_out(book.path()), [".lock", "2026-10"]);
}

#[test]
fn a_failed_exchange_names_both_folders_and_leaves_the_old_outputs() {
    let book = tempfile::tempdir().expect("a folder");
    run(book.path(), "1", swap);
    let lock = RunLock::acquire(book.path()).expect("free");
    let staging = Staging::begin(&lock, period()).expect("begun");
    write_generation(&staging, "2");
    let error = staging.commit_by(|_, _| Err(io::ErrorKind::PermissionDenied.into())).expect_err("refused");
    assert!(error.to_string().contains(".staging-2026-10"), "{error}");
    assert_eq!(visible(book.path()).as_deref(), Some("1"));
}

#[test]
fn a_death_between_the_two_steps_is_put_right() {
    let book = tempfile::tempdir().expect("a folder");
    let out = book.path().join("out");
    run(book.path(), "1", swap);
    fs::rename(out.join("2026-10"), out.join(".old-2026-10")).expect("set aside");
    fs::create_dir(out.join(".staging-2026-10")).expect("made");
    drop(RunLock::acquire(book.path()).expect("free"));
    assert_eq!(visible(book.path()).as_deref(), Some("1"));
    assert_eq!(left_in_out(book.path()), [".lock", "2026-10"]);
}

#[test]
fn a_death_while_the_old_outputs_are_removed_keeps_the_new_ones() {
    let book = tempfile::tempdir().expect("a folder");
    let out = book.path().join("out");
    run(book.path(), "2", swap);
    for litter in [".old-2026-10", ".trash-2026-10", ".staging-2026-09"] {
        fs::create_dir(out.join(litter)).expect("made");
        fs::write(out.join(litter).join("a.csv"), "1").expect("written");
    }
    drop(RunLock::acquire(book.path()).expect("free"));
    assert_eq!(visible(book.path()).as_deref(), Some("2"));
    assert_eq!(left_in_out(book.path()), [".lock", "2026-10"]);
}

/// Names the book in the process that is to be killed.
const VICTIM: &str = "TRUEUP_TEST_EXCHANGE_BOOK";
/// Set where the victim must do without the swap.
const IN_STEPS: &str = "TRUEUP_TEST_EXCHANGE_IN_STEPS";

/// Not a test of its own: the body of the process that the tests below start and kill.
#[test]
fn victim() {
    let Some(book) = std::env::var_os(VICTIM) else { return };
    let swap = if std::env::var_os(IN_STEPS).is_some() { unsupported } else { swap };
    for generation in 0u64.. {
        run(Path::new(&book), &format!("{}-{generation}", std::process::id()), swap);
    }
}

/// The file system's number of the period's folder: another one whenever outputs were exchanged.
fn folder_number(book: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(book.join("out/2026-10")).ok().map(|m| m.ino())
}

fn kill_many(kills: u32, in_steps: bool) {
    let book = tempfile::tempdir().expect("a folder");
    let mut seen = std::collections::BTreeSet::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..kills {
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "history::exchange::tests::victim", "--nocapture"]).env(VICTIM, book.path());
        if in_steps {
            command.env(IN_STEPS, "1");
        }
        let before = folder_number(book.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        // However slow the machine, the victim is at work when it is killed.
        while folder_number(book.path()) == before {
            assert!(child.try_wait().expect("asked").is_none(), "the victim ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_micros((state >> 33) % 30_000));
        child.kill().expect("killed");
        let status = child.wait().expect("ended");
        assert!(!status.success(), "the victim ended by itself");
        if !in_steps {
            seen.extend(visible(book.path()));
        }
        drop(RunLock::acquire(book.path()).expect("the dead hold no lock"));
        seen.extend(visible(book.path()));
        assert!(
            left_in_out(book.path()).iter().all(|n| n == ".lock" || n == "2026-10"),
            "{:?}",
            left_in_out(book.path())
        );
    }
    assert!(seen.len() > kills as usize / 2, "too few runs came to an end: {}", seen.len());
}

#[cfg(target_os = "linux")]
#[test]
fn outputs_are_whole_whenever_the_writer_is_killed() {
    kill_many(60, false);
}

#[test]
fn without_a_swap_outputs_are_whole_after_the_next_start() {
    kill_many(60, true);
}
