//! The binary: runs the command line and hands its exit code on.

use mimalloc::MiMalloc;

/// A request takes some dozens of pieces of memory, buffers of 8 KiB among them; the system's allocator took a tenth of
/// all instructions to find them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    vestibule::cli::run()
}
