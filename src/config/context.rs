//! Context: what all readers of a configuration share, among it the faults that they found.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::code::Code;
use super::document::Document;
use super::fault::{Fault, Faults, Position, Severity, settle};
use super::keypath::KeyPath;
use super::layers::{Layers, Origin};
use super::outside::Outside;
use super::sources::Sources;
use crate::clock::Timestamp;

/// What all readers share: where things stand, what is around us, and the faults so far.
pub(super) struct Context<'a> {
    pub(super) document: &'a Document,
    pub(super) layers: &'a Layers,
    outside: &'a Outside,
    faults: RefCell<Vec<Fault>>,
    sources: &'a RefCell<Sources>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        document: &'a Document,
        layers: &'a Layers,
        outside: &'a Outside,
        sources: &'a RefCell<Sources>,
    ) -> Self {
        Self { document, layers, outside, faults: RefCell::new(layers.faults.clone()), sources }
    }

    /// A file is about to be read: when it changes, the configuration does.
    pub(super) fn look_at(&self, path: &Path) {
        self.sources.borrow_mut().look_at(path);
    }

    /// What stood in that file.
    pub(super) fn take(&self, bytes: &[u8]) {
        self.sources.borrow_mut().take(bytes);
    }

    /// The variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Option<&'a OsStr> {
        self.outside.variable(name)
    }

    /// The time at which it is judged.
    pub(super) fn now(&self) -> Timestamp {
        self.outside.now()
    }

    /// A path as the configuration means it: relative ones start at the folder of its file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.document.folder.join(Path::new(path))
    }

    /// The checked configuration, or every fault that was found.
    pub(super) fn finish<T>(self, checked: Option<T>) -> Result<(T, Vec<Fault>), Faults> {
        let name = self.document.name.clone();
        let mut faults = self.faults.into_inner();
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(Faults::new(faults));
        }
        super::fault::sort(&mut faults);
        match checked {
            Some(checked) => Ok((checked, faults)),
            // Nobody complained and yet something is absent: a defect of ours, and no reason to run without it.
            None => Err(Faults::new(vec![Fault {
                code: Code::Missing,
                severity: Severity::Error,
                file: name,
                line: None,
                column: None,
                key: String::new(),
                message: "the configuration is not complete".to_owned(),
                help: "compare it with config.example.toml".to_owned(),
                url: Code::Missing.url(),
            }])),
        }
    }

    /// The errors about this key alone, if there are any.
    pub(super) fn finish_with(self, key: &str) -> Result<(), Faults> {
        let about = |fault: &Fault| fault.key == key && fault.severity == Severity::Error;
        let faults: Vec<Fault> = self.faults.into_inner().into_iter().filter(about).collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults::new(faults)) }
    }

    /// Reports something at `path`, which stands at this position if it stands in the file.
    pub(super) fn report(
        &self,
        severity: Severity,
        code: Code,
        (path, position): (&KeyPath, Position),
        (message, help): (String, String),
    ) {
        let origin = self.layers.origin(path);
        let position = if origin.is_none() { Some(position) } else { None };
        let shown = origin.is_none_or(|origin| !origin.is_private());
        self.faults.borrow_mut().push(Fault {
            code,
            severity,
            file: origin.map_or(&*self.document.name, Origin::text).to_owned(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
            key: path.to_string(),
            message: settle(&message, shown),
            help: settle(&help, shown),
            url: code.url(),
        });
    }

    /// The order of what is written: the file from its beginning, then what only stands elsewhere.
    pub(super) fn order(&self, path: &KeyPath) -> (bool, Position) {
        (self.layers.origin(path).is_some(), self.document.key_position(path))
    }
}
