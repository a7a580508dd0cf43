//! The manners of the built program: exit codes, what goes to stdout and what to stderr, colour, pipes.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn trueup(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(args).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    trueup(args).output().expect("ran")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn help_groups_the_commands_and_goes_to_stdout() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for part in ["The month:\n  reconcile", "Looking at files:\n  detect", "Setting up:\n  init", "--book <DIR>"] {
        assert!(help.contains(part), "{part} in\n{help}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn the_long_help_of_a_command_has_examples() {
    let help = run(&["reconcile", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("trueup reconcile --period 2026-10"));
}

#[test]
fn what_is_not_understood_is_exit_code_2_and_said_on_stderr() {
    for args in [
        &["reconsile"][..],
        &[],
        &["reconcile", "--period", "2026-13"],
        &["reconcile", "--threads", "0"],
        &["-q", "-v", "man"],
        &["detect"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    assert!(text(&run(&["reconsile"]).stderr).contains("reconcile"), "a near miss gets a suggestion");
}

#[test]
fn completions_and_the_manual_are_written_to_stdout() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("reconcile"), "{shell}");
    }
    let man = run(&["man"]);
    assert_eq!(man.status.code(), Some(0));
    for part in [".TH trueup", "TRUEUP RECONCILE", "fail\\-on", "TRUEUP INIT"] {
        assert!(text(&man.stdout).contains(part), "{part}");
    }
}

/// Ends the pipe after a few bytes, as `head` does.
#[test]
fn a_reader_that_leaves_early_is_not_an_error() {
    for args in [&["man"][..], &["completions", "zsh"]] {
        let mut child = trueup(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
        assert_eq!(child.wait().expect("ended").code(), Some(0), "{args:?}");
        assert_eq!(said, "", "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_takes_nothing_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("opened");
    let output = trueup(&["man"]).stdout(full).output().expect("ran");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: "));
}

#[test]
fn a_new_book_is_made_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let book = dir.path().join("acme");
    let book = book.to_str().expect("text");
    let first = run(&["init", book]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(first.stdout.is_empty());
    assert!(text(&first.stderr).contains("trueup reconcile"), "it says what is next");
    for file in
        ["trueup.toml", "map/accounts.csv", "map/products.csv", "map/bundles.csv", "decisions.csv", "psa", "usage"]
    {
        assert!(Path::new(book).join(file).exists(), "{file}");
    }
    let second = run(&["init", book]);
    assert_eq!(second.status.code(), Some(2));
    let said = text(&second.stderr);
    assert!(said.starts_with("error: ") && said.contains("is not empty"), "{said}");
}

#[test]
fn init_takes_the_folder_of_book_and_keeps_quiet_when_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let output = run(&["-q", "init", "--book", dir.path().to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    assert!(dir.path().join("trueup.toml").exists());
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("x"), "x").expect("written");
    let book = dir.path().to_str().expect("text");
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let output = trueup(args).envs(env.iter().copied()).output().expect("ran");
        text(&output.stderr).contains('\u{1b}')
    };
    assert!(!coloured(&["init", book], &[]), "a pipe");
    assert!(coloured(&["--color", "always", "init", book], &[]));
    assert!(!coloured(&["--color", "never", "init", book], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&["init", book], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["init", book], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "NO_COLOR is heeded");
}
