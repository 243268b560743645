//! The `[log]` section.

use super::keys;
use super::reader::Section;
use super::values;
use crate::telemetry::{AccessLog, Format, IdentityInLog, Level, QueryInLog, Settings};

pub(super) fn read(top: &Section<'_>) -> Settings {
    let section = top.section("log", keys::LOG);
    Settings {
        format: section.read("format", Format::default(), |field| {
            values::choice(field, &[("auto", Format::Auto), ("json", Format::Json), ("text", Format::Text)])
        }),
        level: section.read("level", Level::default(), |field| {
            values::choice(
                field,
                &[
                    ("error", Level::Error),
                    ("warn", Level::Warn),
                    ("info", Level::Info),
                    ("debug", Level::Debug),
                    ("trace", Level::Trace),
                ],
            )
        }),
        access: section.read("access", AccessLog::default(), |field| {
            values::switch(field, AccessLog::On, AccessLog::Off)
        }),
        query: section.read("query", QueryInLog::default(), |field| {
            values::switch(field, QueryInLog::Shown, QueryInLog::Omitted)
        }),
        identity: section.read("identity", IdentityInLog::default(), |field| {
            values::choice(
                field,
                &[
                    ("user", IdentityInLog::User),
                    ("hash", IdentityInLog::Hash),
                    ("none", IdentityInLog::None),
                ],
            )
        }),
    }
}
