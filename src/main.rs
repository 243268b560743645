//! The binary: runs the command line and hands its exit code on.

fn main() -> std::process::ExitCode {
    vestibule::cli::run()
}
