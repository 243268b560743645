//! The command line: verbs, exit codes, and what goes to which output. Results go to standard output, all else to
//! standard error.

mod check;
mod demo;
mod explain;
mod healthcheck;
mod keygen;
mod reload;
mod routes;
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{self, Faults, Loaded, Outside, Sources};

/// What a process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is fine.
    Fine,
    /// It failed while running.
    Failed,
    /// There are warnings, and they were not to be.
    Warnings,
    /// `explain`: the request would be refused.
    Refused,
    /// `explain`: somebody has to sign in first.
    SignIn,
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong.
    Config,
}

/// An authenticating reverse proxy: OpenID Connect in front of web applications that have no sign-in of their own.
#[derive(Debug, Parser)]
#[command(
    name = "vestibule",
    version,
    about,
    max_term_width = 100,
    after_help = "Exit codes: 0 fine, 1 failed while running, 2 wrong command line, 3 warnings under --strict, 4 and 5 \
    from explain (refused, sign-in needed), 78 the configuration is wrong.\n\
    Results go to standard output, everything else to standard error. To see it work: vestibule demo"
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the gateway
    #[command(
        after_help = "Exit codes: 0 ended as asked (SIGTERM, Ctrl-C), 1 cannot listen or crashed, 78 the configuration is \
        wrong.\n\
        Access and audit lines go to standard output, everything else to standard error."
    )]
    Serve(ConfigArgs),
    /// Check a configuration without running it, and print what to register at the provider
    #[command(after_help = "Exit codes: 0 fine, 3 warnings under --strict, 78 the configuration is wrong.")]
    Check(check::Arguments),
    /// Show the routes as they match, most exact first
    #[command(after_help = "Exit codes: 0 fine, 78 the configuration is wrong.")]
    Routes(ConfigArgs),
    /// Say what becomes of one request, term by term, and what the upstream would get
    #[command(
        after_help = "Exit codes: 0 allowed, 2 the URL or the provider does not exist, 4 refused, 5 sign-in needed, 78 \
        the configuration is wrong.\n\
        Without --header the request is that of a browser which opens a page. Nothing is sent to anybody."
    )]
    Explain(Box<explain::Arguments>),
    /// Run gateway, provider and sample upstream in one process on loopback; nothing is saved
    #[command(after_help = "Exit codes: 0 ended as asked (Ctrl-C), 1 a port is taken.")]
    Demo(demo::Arguments),
    /// Ask the running gateway of this configuration whether it is ready: says nothing if it is, else why not
    #[command(
        after_help = "Exit codes: 0 ready, 1 not ready, no answer within 2 seconds, or nobody to ask.\n\
        It asks /readyz at listen.admin and looks at nothing else in the configuration."
    )]
    Healthcheck(ConfigArgs),
    /// Make a new key
    #[command(after_help = "Exit codes: 0 fine, 1 the file exists already or cannot be written.")]
    Keygen(keygen::Arguments),
    /// Print the JSON Schema of the configuration file
    #[command(after_help = "Exit codes: 0 always. Editors check a file against it while it is written.")]
    Schema,
    /// Print the version
    #[command(after_help = "Exit codes: 0 always.")]
    Version,
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// The configuration file [default: vestibule.toml, else /etc/vestibule/vestibule.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one key, above the file and the environment; may be repeated. Texts are quoted: --set 'log.level="debug"'
    #[arg(long, value_name = "KEY=TOML")]
    set: Vec<String>,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let exit = match Cli::parse().verb {
        Verb::Serve(arguments) => serve::run(&arguments),
        Verb::Check(arguments) => check::run(&arguments),
        Verb::Routes(arguments) => routes::run(&arguments),
        Verb::Explain(arguments) => explain::run(*arguments),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Healthcheck(arguments) => healthcheck::run(&arguments),
        Verb::Keygen(arguments) => keygen::run(&arguments),
        Verb::Schema => {
            print(&format!("{:#}", config::schema()));
            Exit::Fine
        }
        Verb::Version => {
            print(&version());
            Exit::Fine
        }
    };
    ExitCode::from(match exit {
        Exit::Fine => 0,
        Exit::Failed => 1,
        Exit::Usage => 2,
        Exit::Warnings => 3,
        Exit::Refused => 4,
        Exit::SignIn => 5,
        Exit::Config => 78,
    })
}

/// `vestibule 0.1.0 (commit abcdef0)`; the commit is known where the build was told.
fn version() -> String {
    let commit =
        option_env!("VESTIBULE_COMMIT").map(|commit| format!(" (commit {commit})")).unwrap_or_default();
    format!("vestibule {}{commit}", env!("CARGO_PKG_VERSION"))
}

impl ConfigArgs {
    /// Loads the configuration; its faults go to standard error.
    fn load(&self) -> Result<Loaded, Exit> {
        self.read().map(|(_, loaded)| loaded)
    }

    /// As [`Self::load`], and says what was read for it.
    fn read(&self) -> Result<(Sources, Loaded), Exit> {
        let (sources, loaded) = config::read(&self.path(), &self.outside());
        loaded.map(|loaded| (sources, loaded)).map_err(|faults| refuse(&faults))
    }

    /// What reaches the configuration besides its file.
    fn outside(&self) -> Outside {
        environment().with_settings(&self.set)
    }

    fn path(&self) -> PathBuf {
        let here = PathBuf::from("vestibule.toml");
        match &self.config {
            Some(path) => path.clone(),
            None if here.exists() => here,
            None => {
                let system = PathBuf::from("/etc/vestibule/vestibule.toml");
                if system.exists() { system } else { here }
            }
        }
    }
}

/// Says what is wrong with a configuration: the same text from every verb.
fn refuse(faults: &Faults) -> Exit {
    let errors = match faults.errors() {
        1 => "1 error".to_owned(),
        count => format!("{count} errors"),
    };
    tell(&format!("{faults}\n\n{errors}. The configuration is refused."));
    Exit::Config
}

/// The environment of this process: the only place that reads it.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment enters here and is an argument everywhere else"
)]
fn environment() -> Outside {
    Outside::new(std::env::vars_os())
}

/// A variable of this process: only for what the service manager says.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment enters here and is an argument everywhere else"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A result, to standard output. A reader that went away is no fault of ours.
fn print(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
}

/// Anything else, to standard error.
fn tell(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
}

/// Whether an error comes from an address that somebody else listens on.
fn is_taken(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}
