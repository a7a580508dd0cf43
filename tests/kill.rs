//! Law 7, all or nothing, on the built program and for real: a run is killed at random moments, two runs
//! meet, the disk takes no more. What is visible is always one whole run's outputs.

#![cfg(unix)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PERIOD: &str = "2026-10";
const CLIENTS: usize = 40;
const KILLS: u32 = 64;

type Outputs = BTreeMap<String, Vec<u8>>;

struct Book {
    dir: tempfile::TempDir,
}

/// The two states that the inputs alternate between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    A,
    B,
}

impl Book {
    fn new() -> Self {
        let book = Self { dir: tempfile::tempdir().expect("a folder") };
        let (mut clients, mut contracts) = ("client_id,name\n".to_string(), "contract_id,client_id,name\n".to_string());
        let mut lines = "contract_line_id,contract_id,product_code,quantity,unit_price\n".to_string();
        let mut accounts = "provider_name,sub_account_id,client_id\n".to_string();
        for i in 0..CLIENTS {
            let _ = writeln!(clients, "C{i},Client {i}");
            let _ = writeln!(contracts, "K{i},C{i},Agreement {i}");
            let _ = writeln!(lines, "L{i},K{i},P1,{},4.50", i % 7 + 45);
            let _ = writeln!(accounts, "Huntress,a{i},C{i}");
        }
        book.write("psa/clients.csv", &clients);
        book.write("psa/products.csv", "product_code,name\nP1,Endpoint agent\n");
        book.write("psa/contracts.csv", &contracts);
        book.write("psa/contract_lines.csv", &lines);
        book.write("map/accounts.csv", &accounts);
        book.write("map/products.csv", "provider_name,sku_id,product_code\nHuntress,EDR,P1\n");
        book.write_usage(State::A);
        book
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Some thousand rows in two files; B has other quantities and some rows more.
    fn write_usage(&self, state: State) {
        for file in 0..2usize {
            let mut text =
                "provider_name,sub_account_id,sku_id,line_id,quantity,unit_cost,currency,charge_period_start,\
                            charge_period_end\n"
                    .to_string();
            let rows = if state == State::A { 1000 } else { 1100 };
            for row in 0..rows {
                let quantity = if state == State::A { 1 } else { row % 3 };
                let account = row % (CLIENTS + 2);
                let _ =
                    writeln!(text, "Huntress,a{account},EDR,{file}-{row},{quantity},3.10,USD,2026-10-01,2026-11-01");
            }
            self.write(&format!("usage/{PERIOD}/agents-{file}.csv"), &text);
        }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("book")
    }

    fn out(&self) -> PathBuf {
        self.root().join("out")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args(["-q", "reconcile", "--threads", "2", "--book"]).arg(self.root());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Child {
        self.command().spawn().expect("started")
    }

    /// Runs to the end; what it wrote.
    fn run(&self) -> Outputs {
        let output = self.command().output().expect("ran");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        self.outputs()
    }

    fn outputs(&self) -> Outputs {
        outputs_in(&self.out().join(PERIOD))
    }

    /// What stands in `out/` besides the outputs and the lock.
    fn litter(&self) -> Vec<String> {
        let names = fs::read_dir(self.out()).expect("readable");
        let names = names.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned());
        names.filter(|name| name != PERIOD && name != ".lock").collect()
    }
}

fn outputs_in(folder: &Path) -> Outputs {
    let Ok(entries) = fs::read_dir(folder) else { return Outputs::new() };
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("readable");
        (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("readable"))
    };
    entries.map(read).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The states' outputs, and how long a run takes.
fn known(book: &Book) -> (Outputs, Outputs, Duration) {
    book.write_usage(State::B);
    let b = book.run();
    book.write_usage(State::A);
    let begun = Instant::now();
    let a = book.run();
    let usual = begun.elapsed();
    assert_ne!(a, b);
    assert_eq!(a.len(), 10, "{:?}", a.keys());
    assert!(a.keys().eq(b.keys()) && a["invoice_lines.csv"] != b["invoice_lines.csv"]);
    (a, b, usual)
}

/// Which of the two it is; a mix is neither.
fn which(found: &Outputs, a: &Outputs, b: &Outputs) -> State {
    if found == a {
        return State::A;
    }
    let mixed: Vec<&String> =
        found.iter().filter(|(name, bytes)| b.get(*name) != Some(*bytes)).map(|(n, _)| n).collect();
    assert!(found == b, "neither A nor B: {mixed:?} are not B's, {} files are there", found.len());
    State::B
}

/// The same numbers in every run of the test, so that it tests moments, not luck. (SplitMix64.)
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let micros = u64::try_from(below.as_micros()).expect("short").max(1);
        Duration::from_micros((z ^ (z >> 31)) % micros)
    }
}

fn kill(mut child: Child) -> bool {
    let killed = child.try_wait().expect("known").is_none();
    // SIGKILL: nothing of the process runs after it.
    child.kill().expect("killed");
    let status = child.wait().expect("ended");
    killed && status.code().is_none()
}

#[test]
fn a_run_killed_at_any_moment_leaves_one_whole_set_of_outputs() {
    let book = Book::new();
    let (a, b, mut usual) = known(&book);
    let mut moments = Moments(7);
    let (mut struck, mut litter) = (0, 0);
    let mut before = State::A;
    for round in 0..KILLS {
        let aim = if before == State::A { State::B } else { State::A };
        book.write_usage(aim);
        let child = book.start();
        // Half of the blows fall near the end, where outputs are written and exchanged.
        let moment = if round % 2 == 0 { moments.next(usual) } else { usual.mul_f32(0.6) + moments.next(usual / 2) };
        std::thread::sleep(moment);
        let alive = kill(child);
        struck += u32::from(alive);
        // The machine may be busier or idler than when a run was timed: aim where runs are found alive.
        usual = if alive { usual.mul_f32(1.05) } else { usual.mul_f32(0.9) };
        let after = which(&book.outputs(), &a, &b);
        litter += u32::from(!book.litter().is_empty());
        if round % 16 == 15 {
            // The next run works, and clears away what the dead one left.
            let expected = if aim == State::A { &a } else { &b };
            assert!(book.run() == *expected, "the run after a kill writes what it should");
            assert_eq!(book.litter(), Vec::<String>::new());
            before = aim;
        } else {
            before = after;
        }
    }
    // The blows fell: most on a living run, some between staging and exchange.
    assert!(struck > KILLS / 4, "only {struck} of {KILLS} runs were struck alive");
    assert!(litter > 0, "no run was struck while it wrote");
}

#[test]
fn a_run_that_is_told_to_stop_leaves_the_old_outputs_and_no_litter() {
    let book = Book::new();
    let (a, b, mut usual) = known(&book);
    let mut moments = Moments(17);
    let mut stopped = 0;
    let mut before = State::A;
    for round in 0..24 {
        let aim = if before == State::A { State::B } else { State::A };
        book.write_usage(aim);
        let child = book.start();
        let near_the_end = usual.mul_f32(0.5) + moments.next(usual / 2);
        std::thread::sleep(if round % 3 == 0 { moments.next(usual) } else { near_the_end });
        let (name, code) = if round % 2 == 0 { ("-INT", 130) } else { ("-TERM", 143) };
        let told = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
        assert!(told.is_ok(), "kill is there");
        let output = child.wait_with_output().expect("ended");
        // At once, not at the next start.
        assert_eq!(book.litter(), Vec::<String>::new(), "{:?}: {}", output.status, said(&output));
        let after = which(&book.outputs(), &a, &b);
        match output.status.code() {
            Some(0) => {
                usual = usual.mul_f32(0.9);
                assert_eq!(after, aim);
            }
            Some(exit) => {
                assert_eq!(exit, code, "{}", said(&output));
                assert!(said(&output).starts_with("interrupted"), "{}", said(&output));
                if said(&output).contains("nothing was written") {
                    assert_eq!(after, before);
                    stopped += 1;
                }
            }
            // Struck before it listened, and before it began anything.
            None => assert_eq!(after, before),
        }
        before = after;
    }
    assert!(stopped > 0, "no run was stopped at its work");
}

#[test]
fn tidying_that_is_told_to_stop_leaves_the_old_folder_and_no_litter() {
    let book = Book::new();
    let folder = book.root().join("tidied");
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args(["-q", "tidy", "-o"]).arg(&folder).arg("--book").arg(book.root());
        command.args((0..2).map(|file| book.root().join(format!("usage/{PERIOD}/agents-{file}.csv"))));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let tidied = |state: State| {
        book.write_usage(state);
        let output = command().output().expect("ran");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        outputs_in(&folder)
    };
    let b = tidied(State::B);
    let begun = Instant::now();
    let a = tidied(State::A);
    let mut usual = begun.elapsed();
    let mut moments = Moments(23);
    let mut stopped = 0;
    for round in 0..24 {
        let before = which(&outputs_in(&folder), &a, &b);
        let aim = if before == State::A { State::B } else { State::A };
        book.write_usage(aim);
        let child = command().spawn().expect("started");
        std::thread::sleep(moments.next(usual));
        let (name, code) = if round % 2 == 0 { ("-INT", 130) } else { ("-TERM", 143) };
        let told = Command::new("kill").args([name, &child.id().to_string()]).stderr(Stdio::null()).status();
        assert!(told.is_ok(), "kill is there");
        let output = child.wait_with_output().expect("ended");
        let after = which(&outputs_in(&folder), &a, &b);
        let names = fs::read_dir(book.root()).expect("readable").map(|e| e.expect("readable").file_name());
        let litter: Vec<_> = names.filter(|n| n.to_string_lossy().starts_with(".trueup-")).collect();
        match output.status.code() {
            // Later and earlier than it works, where the machine has become faster or slower.
            Some(0) => {
                usual = usual.mul_f32(0.9);
                assert_eq!(after, aim);
            }
            Some(exit) => {
                assert_eq!(exit, code, "{}", said(&output));
                assert!(said(&output).starts_with("interrupted"), "{}", said(&output));
                stopped += u32::from(said(&output).contains("nothing was written"));
                assert!(litter.is_empty(), "{litter:?}: {}", said(&output));
            }
            // Struck before it listened, and before it began anything.
            None => {
                usual = usual.mul_f32(1.2);
                assert_eq!(after, before);
            }
        }
        assert!(litter.is_empty(), "{litter:?}");
    }
    assert!(stopped > 0, "no run was stopped at its work");
}

#[test]
fn temporary_files_that_find_no_room_are_exit_code_2_with_the_folder_and_the_way_out() {
    let book = Book::new();
    let a = book.run();
    let mut text = "provider_name,sub_account_id,sku_id,line_id,quantity,charge_period_start\n".to_string();
    for row in 0..40_000 {
        let _ = writeln!(text, "Huntress,a{},EDR,big-{row},1,2026-10-01", row % CLIENTS);
    }
    book.write("usage/2026-10/big.csv", &text);
    let temp = tempfile::tempdir().expect("a folder");
    let memory = ["--memory", "16MB", "--temp"];
    let script = "trap '' XFSZ; ulimit -f 16 && exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_trueup"), "-q", "reconcile", "--book"]).arg(book.root());
    let output = command.args(memory).arg(temp.path()).stdin(Stdio::null()).output().expect("ran");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let folder = temp.path().display().to_string();
    for part in ["there is no room for temporary files in", folder.as_str(), " MB", "--temp DIR"] {
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
    }
    assert!(book.outputs() == a, "the old outputs are intact");
    assert_eq!(book.litter(), Vec::<String>::new());
    // With room, in the folder named and in little memory, it is done, and nothing stays there.
    let output = book.command().args(memory).arg(temp.path()).output().expect("ran");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read_dir(temp.path()).expect("readable").count(), 0);
    assert!(book.outputs() != a);
}

#[test]
fn a_first_run_that_is_killed_leaves_all_outputs_or_none() {
    let book = Book::new();
    let (a, _, mut usual) = known(&book);
    let mut moments = Moments(11);
    let mut absent = 0;
    for _ in 0..16 {
        if book.out().exists() {
            fs::remove_dir_all(book.out()).expect("removed");
        }
        let child = book.start();
        std::thread::sleep(moments.next(usual + usual / 4));
        if !kill(child) {
            usual = usual.mul_f32(0.8);
        }
        let found = book.outputs();
        assert!(found.is_empty() || found == a, "{:?}", found.keys());
        assert_eq!(found.is_empty(), !book.out().join(PERIOD).exists(), "no empty folder is shown");
        absent += u32::from(found.is_empty());
    }
    assert!(absent > 0, "no run was struck before its end");
    assert!(book.run() == a);
    assert_eq!(book.litter(), Vec::<String>::new());
}

#[test]
fn two_runs_on_one_book_do_not_interleave() {
    let book = Book::new();
    let (a, b, usual) = known(&book);
    let mut moments = Moments(13);
    let mut turned_away = 0;
    for round in 0..8 {
        let aim = if round % 2 == 0 { State::B } else { State::A };
        book.write_usage(aim);
        let first = book.start();
        std::thread::sleep(moments.next(usual / 2));
        let second = book.start();
        let outputs = [first, second].map(|child| child.wait_with_output().expect("ended"));
        let codes: Vec<Option<i32>> = outputs.iter().map(|o| o.status.code()).collect();
        assert!(codes.contains(&Some(0)), "one of them is done: {codes:?}");
        for output in outputs.iter().filter(|o| o.status.code() != Some(0)) {
            assert_eq!(output.status.code(), Some(2), "{}", said(output));
            assert!(said(output).contains("another run is at work on this book"), "{}", said(output));
            turned_away += 1;
        }
        assert_eq!(which(&book.outputs(), &a, &b), aim);
        assert_eq!(book.litter(), Vec::<String>::new());
    }
    assert!(turned_away > 0, "no two runs ever met");
}

/// Runs the program through a shell that lets no file grow beyond so many blocks of 512 bytes: a disk that
/// is full in the middle of a write.
fn run_with_room(book: &Book, blocks: u32) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_trueup"), "-q", "reconcile", "--book"]).arg(book.root());
    command.stdin(Stdio::null()).output().expect("ran")
}

#[test]
fn a_full_disk_is_exit_code_2_and_leaves_the_old_outputs() {
    let book = Book::new();
    let (_, b, _) = known(&book);
    book.write_usage(State::B);
    assert!(book.run() == b);
    book.write_usage(State::A);
    let mut failed = 0;
    for blocks in [0, 1, 2, 4, 8, 16, 24] {
        let output = run_with_room(&book, blocks);
        if output.status.code() == Some(0) {
            continue;
        }
        failed += 1;
        assert_eq!(output.status.code(), Some(2), "{blocks} blocks: {}", said(&output));
        assert!(said(&output).contains("error: "), "{blocks} blocks: {}", said(&output));
        assert!(
            said(&output).contains(".staging") || said(&output).contains("out/"),
            "names the file: {}",
            said(&output)
        );
        assert!(book.outputs() == b, "{blocks} blocks: the old outputs are intact");
        assert_eq!(book.litter(), Vec::<String>::new(), "{blocks} blocks");
        book.write_usage(State::A);
    }
    assert!(failed >= 3, "the limit was felt {failed} times");
}

#[test]
fn an_out_that_cannot_be_written_is_exit_code_2() {
    let book = Book::new();
    book.write("out", "a file stands in the place of the folder");
    let output = book.command().output().expect("ran");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("error: ") && said(&output).contains("out"), "{}", said(&output));
    assert_eq!(fs::read(book.out()).expect("still there"), b"a file stands in the place of the folder");
}

#[test]
fn a_lock_that_cannot_be_opened_leaves_the_old_outputs() {
    let book = Book::new();
    let a = book.run();
    fs::remove_file(book.out().join(".lock")).expect("removed");
    fs::create_dir(book.out().join(".lock")).expect("made");
    book.write_usage(State::B);
    let output = book.command().output().expect("ran");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains(".lock"), "{}", said(&output));
    assert!(book.outputs() == a);
}
