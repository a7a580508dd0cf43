//! Arguments → settings → command → exit code.

mod cli;

/// The system's own keeps what each thread has freed, which doubles the memory of a large run.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
