//! The `[audit]` section.

use super::code::Code;
use super::fault::quote;
use super::keys;
use super::reader::{Field, Section};
use super::secrets::{plain_path, reason};
use crate::audit::{Settings, Sink};

const LEGAL: &str =
    "write \"stdout\", \"off\", or \"file:PATH\", for example \"file:/var/log/vestibule/audit.log\"";

pub(super) fn read(top: &Section<'_>) -> Settings {
    let section = top.section("audit", keys::AUDIT);
    Settings { sink: section.read("sink", Sink::default(), |field| sink(field)) }
}

/// What can be known of the file without making it is said here; whether it can be opened shows at the start.
fn sink(field: &Field<'_>) -> Option<Sink> {
    let text = field.text("\"stdout\", \"off\" or \"file:PATH\"", "sink = \"file:audit.log\"")?;
    let refuse = |what: String, help: &str| {
        field.fault(Code::AuditSink, what, help);
        None
    };
    match text {
        "stdout" => return Some(Sink::Stdout),
        "off" => return Some(Sink::Off),
        _ => {}
    }
    let Some(written) = text.strip_prefix("file:").filter(|path| !path.is_empty()) else {
        return refuse(format!("{} is {}, which is no place for events", field.path(), quote(text)), LEGAL);
    };
    let path = field.context().resolve(written);
    let name = plain_path(&path);
    // The folder that a bare name is in has no name of its own.
    let folder =
        path.parent().map(|folder| if folder.as_os_str().is_empty() { ".".as_ref() } else { folder });
    if let Some(Err(error)) = folder.map(std::fs::metadata) {
        return refuse(
            format!("{}: the folder of {name} cannot be used: {}", field.path(), reason(&error)),
            "make the folder, and let the user that runs this write in it",
        );
    }
    if std::fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
        return refuse(
            format!("{}: {name} is not a regular file", field.path()),
            "name a file of its own; to have no events write \"off\"",
        );
    }
    Some(Sink::File(path))
}
