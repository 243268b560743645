//! Secrets: read from where the configuration says they are. Their text is never in the file and never in a message.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use figment::value::Value;
use zeroize::Zeroizing;

use super::code::Code;
use super::fault::plain;
use super::reader::Field;
use crate::secret::Secret;

/// The kinds of references.
pub(super) const KINDS: &[&str] = &["file", "env", "credential"];

/// What to do about a file that is closed to us.
pub(super) const LET_READ: &str =
    "let the user that runs this read it: make that user the owner, or its group the file's";

/// No secret of ours is longer.
const MAX_SECRET: u64 = 64 << 10;

/// Bits of a file's mode.
const WORLD_READABLE: u32 = 0o004;
const WORLD_WRITABLE: u32 = 0o002;

/// Whether `field` is written as a reference to a secret.
pub(super) const fn is_reference(field: &Field<'_>) -> bool {
    matches!(field.value(), Value::Dict(..))
}

/// The secret that `field` refers to, without one final newline. `example` is a reference that would be legal, `then`
/// what to do when it was written for the first time.
pub(super) fn read(field: &Field<'_>, example: &str, then: &str) -> Option<Zeroizing<String>> {
    let key = field.path().key();
    let Value::Dict(_, members) = field.value() else {
        match field.value() {
            Value::String(..) => field.fault(
                Code::PlainSecret,
                format!("{} must be a reference", field.path()),
                format!("write {key} = {example} and {then}"),
            ),
            _ => field.wrong_type("a reference to a secret", &format!("{key} = {example}")),
        }
        return None;
    };
    // Unknown members are not named: somebody may have written the secret where the kind belongs.
    let mut entries = members.iter();
    let (Some((kind, value)), None) = (entries.next(), entries.next()) else {
        malformed(field, example);
        return None;
    };
    let (true, Value::String(_, target)) = (KINDS.contains(&kind.as_str()), value) else {
        malformed(field, example);
        return None;
    };
    match kind.as_str() {
        "env" => from_variable(field, target),
        "credential" => credential(field, target).and_then(|path| from_file(field, &path, Shown::of(field))),
        _ => {
            let shown = if looks_secret(target) { Shown::Hidden } else { Shown::of(field) };
            from_file(field, &field.context().resolve(target), shown)
        }
    }
}

/// Whether messages may name the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Path,
    Hidden,
}

impl Shown {
    /// What the environment says is not shown.
    fn of(field: &Field<'_>) -> Self {
        if field.is_private() { Self::Hidden } else { Self::Path }
    }
}

fn malformed(field: &Field<'_>, example: &str) {
    field.fault(
        Code::SecretReference,
        format!("{} must name exactly one source, by a text", field.path()),
        format!(
            "write {} = {example}; sources are {{ file = \"PATH\" }}, {{ env = \"NAME\" }} and {{ credential = \"NAME\" }}",
            field.path().key(),
        ),
    );
}

/// Whether a file's name is more likely the secret itself, pasted in the wrong place.
fn looks_secret(target: &str) -> bool {
    target.len() >= 32 && !target.contains(['/', '.'])
}

fn from_variable(field: &Field<'_>, name: &str) -> Option<Zeroizing<String>> {
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    // What does not look like a name, or is a long word, is more likely the secret itself.
    let shown = if !field.is_private() && name.bytes().all(usual) && (name.len() < 16 || name.contains('_')) {
        format!("the environment variable {name}")
    } else {
        "the environment variable named here".to_owned()
    };
    let variable = match name {
        "" => None,
        _ if name.contains(['=', '\0']) => None,
        _ => field.context().variable(name),
    };
    let Some(text) = variable else {
        field.fault(
            Code::SecretEnv,
            format!("{}: {shown} is not set", field.path()),
            "set it for this process, or refer to a file; the name stands here, not the secret: { env = \"NAME\" }",
        );
        return None;
    };
    let Some(text) = text.to_str() else {
        field.fault(
            Code::SecretEnv,
            format!("{}: {shown} is not UTF-8 text", field.path()),
            "secrets are text; encode binary ones, for example in base64",
        );
        return None;
    };
    let text = cut_newline(Zeroizing::new(text.to_owned()));
    if text.is_empty() {
        field.fault(
            Code::SecretEnv,
            format!("{}: {shown} is empty", field.path()),
            "set it to the secret, or leave the key out",
        );
        return None;
    }
    Some(text)
}

/// The file of a systemd credential (systemd.exec(5), `LoadCredential=`).
fn credential(field: &Field<'_>, name: &str) -> Option<PathBuf> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(legal) || looks_secret(name) {
        field.fault(
            Code::SecretFile,
            format!("{} does not name a credential", field.path()),
            "write the name from the unit's LoadCredential=, without a path",
        );
        return None;
    }
    let Some(folder) = field.context().variable("CREDENTIALS_DIRECTORY") else {
        field.fault(
            Code::SecretFile,
            format!("{}: systemd handed over no credentials", field.path()),
            "add LoadCredential=NAME:/path/to/it to the unit, or refer to a file; outside of the unit, set CREDENTIALS_DIRECTORY to the folder of these files",
        );
        return None;
    };
    Some(PathBuf::from(folder).join(name))
}

fn from_file(field: &Field<'_>, path: &Path, shown: Shown) -> Option<Zeroizing<String>> {
    let name = match shown {
        Shown::Path => plain_path(path),
        Shown::Hidden => "the file named here".to_owned(),
    };
    // The file of session.key is mostly called session.key: say which of the two is meant.
    let called = match shown {
        Shown::Path => format!("the file {name}"),
        Shown::Hidden => name.clone(),
    };
    let unusable = |what: &str, help: &str| {
        field.fault(Code::SecretFile, format!("{}: {called} {what}", field.path()), help);
    };
    field.context().look_at(path);
    // Asked before opening, since opening a pipe would wait for somebody to write to it.
    let kind = std::fs::metadata(path);
    if kind.as_ref().is_ok_and(|kind| !kind.is_file()) {
        unusable("is not a regular file", "name a file that holds the secret and nothing else");
        return None;
    }
    let opened = kind.and_then(|_| File::open(path)).and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let what = format!("cannot be read: {}", reason(&error));
            let make = match (field.path().to_string().as_str(), shown) {
                ("session.key", Shown::Path) => {
                    format!("; make one with: vestibule keygen session --out {name}")
                }
                (_, Shown::Path) => {
                    format!("; make it with: install -m 600 /dev/null {name}, then put the secret into it")
                }
                _ => String::new(),
            };
            let help = match error.kind() {
                std::io::ErrorKind::PermissionDenied => LET_READ.to_owned(),
                _ if is_for_a_shell(path) => NO_SHELL.to_owned(),
                _ => format!("relative paths start at the folder of the configuration file{make}"),
            };
            unusable(&what, &help);
            return None;
        }
    };
    check_permissions(field, (&called, &name), &metadata)?;
    let mut bytes = Zeroizing::new(Vec::new());
    match file.take(MAX_SECRET + 1).read_to_end(&mut bytes) {
        Ok(length) if u64::try_from(length).is_ok_and(|length| length > MAX_SECRET) => {
            unusable("is larger than 64 KiB", "name a file that holds the secret and nothing else");
            return None;
        }
        Ok(_) => field.context().take(&bytes),
        Err(error) => {
            unusable(&format!("cannot be read: {}", reason(&error)), "check the file and its file system");
            return None;
        }
    }
    let Ok(text) = std::str::from_utf8(&bytes) else {
        unusable("is not UTF-8 text", "secrets are text; encode binary ones, for example in base64");
        return None;
    };
    let text = cut_newline(Zeroizing::new(text.to_owned()));
    if text.is_empty() {
        unusable("is empty", "put the secret in it");
        return None;
    }
    Some(text)
}

fn check_permissions(field: &Field<'_>, (called, name): (&str, &str), metadata: &Metadata) -> Option<()> {
    let mode = metadata.permissions().mode();
    let what = if mode & WORLD_WRITABLE != 0 {
        "can be changed by everybody on this machine"
    } else if mode & WORLD_READABLE != 0 {
        "can be read by everybody on this machine"
    } else {
        return Some(());
    };
    field.fault(
        Code::SecretPermissions,
        format!("{}: {called} {what} (mode {:04o})", field.path(), mode & 0o7777),
        format!("run: chmod 600 {name}; in a pod set the volume's defaultMode: 0440 and the pod's fsGroup"),
    );
    None
}

/// Editors and `echo` end a file with one newline, which is not meant.
fn cut_newline(mut text: Zeroizing<String>) -> Zeroizing<String> {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// What to do about a path that only a shell would understand.
pub(super) const NO_SHELL: &str = "~ and $NAME are not expanded here: write the path itself";

/// Whether a path has a part that a shell would replace.
pub(super) fn is_for_a_shell(path: &Path) -> bool {
    path.iter().any(|part| part == "~" || part.as_encoded_bytes().starts_with(b"$"))
}

/// A path as a message shows it.
pub(super) fn plain_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    // Paths are longer than other texts, and their end matters most.
    let parts: Vec<String> = text.split('/').map(plain).collect();
    parts.join("/")
}

/// Why a file could not be read, in words that are the same everywhere.
pub(super) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.kind().to_string(),
    }
}

/// The secret in custody.
pub(super) fn keep(text: &Zeroizing<String>) -> Secret<String> {
    Secret::new(text.as_str().to_owned())
}
