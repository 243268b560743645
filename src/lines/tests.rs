//! Lines: nothing forges one, none is lost unseen, a file may be moved away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::file::LogFile;
use super::harmless::harmless;
use super::queue::{MAX_WAITING, Output};
use super::{Class, Lines, Lost, Queue, Target};
use crate::clock::{Clock, Timestamp};

struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("vestibule-lines-{}-{test}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn clock() -> Clock {
    Clock::manual(Timestamp::EPOCH).0
}

proptest! {
    #[test]
    fn no_value_ends_a_line_or_moves_a_cursor(text in any::<String>()) {
        let line = harmless(text.clone());
        prop_assert!(!line.chars().any(char::is_control));
        prop_assert_eq!(line.lines().count(), usize::from(!line.is_empty()));
        for mark in ['\u{85}', '\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{9b}', '\u{1b}'] {
            prop_assert!(!line.contains(mark));
        }
        prop_assert_eq!(line.chars().count(), text.chars().count());
    }
}

#[test]
fn harmless_characters_stay_as_they_are() {
    for line in ["GET /a?b=c 200", "Zoë Σ 日本語 🎉", "a\u{301}", "\"\\"] {
        assert_eq!(harmless(line.to_owned()), line);
    }
    assert_eq!(
        harmless("a\u{1b}[2Jb\r\nc\u{2028}d\u{202e}e\u{7f}".to_owned()),
        "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}"
    );
}

#[test]
fn a_full_queue_refuses_and_counts_each_kind_apart() {
    // Nobody writes: the output has stalled.
    let lines = Lines::to(Target::Writer(Queue::default().into()), Class::Access, Lost::default());
    let audit = lines.for_audit();
    let long = "x".repeat(MAX_WAITING / 2);
    assert!(lines.write(long.clone()));
    assert!(!audit.write(long.clone()) && !audit.write(long.clone()) && !lines.write(long));
    assert!(audit.write("short".to_owned()), "there is room for a short one");
    assert_eq!((lines.dropped(), audit.dropped()), (1, 2));
}

#[test]
fn a_file_gets_whole_lines_and_is_followed_when_it_is_moved_or_removed() {
    let folder = Folder::new("moved");
    let (path, old) = (folder.0.join("audit.log"), folder.0.join("audit.log.1"));
    fs::write(&path, "before\n").expect("a file");
    let lines = Lines::file(&path, clock()).expect("the file");
    lines.write("first".to_owned());
    lines.flush();
    fs::rename(&path, &old).expect("moved");
    lines.write("second".to_owned());
    lines.flush();
    assert_eq!(fs::read_to_string(&old).expect("the old one"), "before\nfirst\n", "never truncated");
    assert_eq!(fs::read_to_string(&path).expect("the new one"), "second\n");
    let mode = fs::metadata(&path).expect("the new one").permissions().mode() & 0o7777;
    assert_eq!(mode & 0o027, 0, "nobody else reads it: {mode:o}");
    fs::remove_file(&path).expect("removed");
    lines.write("third".to_owned());
    lines.flush();
    assert_eq!(fs::read_to_string(&path).expect("the third"), "third\n");
    // Moved to where no file can be made: the old one is still good.
    let away = folder.0.join("away");
    fs::create_dir(&away).expect("a folder");
    fs::rename(&path, away.join("audit.log")).expect("moved");
    fs::create_dir(&path).expect("in its place");
    lines.write("fourth".to_owned());
    lines.flush();
    assert_eq!(fs::read_to_string(away.join("audit.log")).expect("moved"), "third\nfourth\n");
    assert_eq!(lines.dropped(), 0);
    fs::remove_file(away.join("audit.log")).expect("removed");
    lines.write("fifth".to_owned());
    lines.flush();
    assert_eq!(lines.dropped(), 1, "there was nowhere to write it");
    fs::remove_dir(&path).expect("out of the way");
    lines.write("sixth".to_owned());
    lines.flush();
    assert_eq!(fs::read_to_string(&path).expect("again"), "sixth\n");
}

#[test]
fn what_cannot_be_opened_says_so_at_once() {
    let folder = Folder::new("closed");
    assert!(Lines::file(&folder.0, clock()).is_err(), "a folder");
    assert!(Lines::file(&folder.0.join("no/such/folder"), clock()).is_err());
    assert!(Lines::file("/dev/null".as_ref(), clock()).is_err(), "no regular file");
}

#[test]
fn a_full_disk_counts_what_it_did_not_take() {
    let queue = std::sync::Arc::new(Queue::default());
    let lost = Lost::default();
    let lines = Lines::to(Target::Writer(queue.clone()), Class::Audit, lost.clone());
    let full = LogFile::around("/dev/full".as_ref(), clock());
    std::thread::spawn(move || queue.run(Output::File(Box::new(full)), &lost));
    for line in ["one", "two", "three"] {
        assert!(lines.write(line.to_owned()));
    }
    lines.flush();
    assert_eq!(lines.dropped(), 3);
}
