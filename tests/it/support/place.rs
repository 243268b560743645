//! A folder with a configuration and its secrets, and the real binary run in it.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A folder of its own for one test, removed at its end, with the secrets that [`ten_lines`] names.
pub(crate) struct Place(PathBuf);

/// How a run ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-cli-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let place = Self(folder);
        place.put("client.secret", "not-a-real-secret\n", 0o600);
        assert_eq!(place.run("keygen session --out session.key").code, Some(0));
        place
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(line.split_whitespace()).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Said {
        self.command(line).output().expect("the binary").into()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// The first configuration of the README, as it stands there.
pub(crate) fn ten_lines() -> String {
    let readme = include_str!("../../../README.md");
    let after = readme.split("```toml\n# vestibule.toml\n").nth(1).expect("the configuration of the README");
    after.split("```").next().expect("its end").to_owned()
}

/// The same with listeners of its own.
pub(crate) fn listening(http: &str) -> String {
    format!("{}[listen]\nhttp = [\"{http}\"]\nadmin = \"off\"\ndrain_delay = \"0\"\n", ten_lines())
}

/// The lines on standard error up to the one that says where it listens, which is the sign that it does.
pub(crate) fn start_lines(child: &mut Child) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.as_mut().expect("stderr")).lines() {
        lines.push(line.expect("text"));
        if lines.last().is_some_and(|line| line.starts_with("vestibule: listening on http://127.0.0.1:")) {
            return lines;
        }
    }
    panic!("it ended: {lines:?}");
}
