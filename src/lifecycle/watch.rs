//! Watching files: writes in place, atomic renames, and links that are led elsewhere, as in a mounted ConfigMap.
//!
//! A name is watched in its folder, and so is every folder and link on the way to it; the files themselves are not, since
//! a file that takes another's place would go unseen (inotify(7)). The watch stands before it is known what the names
//! lead to, so whatever changes afterwards is an event.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Files under watch, as they stood on the disk when it began. To be made anew when one has changed.
#[derive(Debug)]
pub struct Watch {
    inotify: AsyncFd<OwnedFd>,
    folders: HashMap<i32, Folder>,
    /// By path; none where it cannot be watched.
    known: HashMap<PathBuf, Option<i32>>,
    unseen: Vec<PathBuf>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    names: HashSet<OsString>,
}

/// As many as the system follows.
const MAX_LINKS: usize = 40;

const EVENTS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    // A file that nobody could read, or everybody, may be a good one after `chmod`.
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// What happens to a watched folder itself, or to the watch.
const LOST: ReadFlags = ReadFlags::DELETE_SELF
    .union(ReadFlags::MOVE_SELF)
    .union(ReadFlags::UNMOUNT)
    .union(ReadFlags::IGNORED)
    .union(ReadFlags::QUEUE_OVERFLOW);

impl Watch {
    /// Watches these files, whether they exist or not. To be called within a runtime.
    ///
    /// # Errors
    /// When the system has no watches left.
    pub fn new(files: &[PathBuf]) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its heir is unsafe for types whose descriptor may change; that of OwnedFd does not"
        )]
        let inotify = AsyncFd::with_interest(inotify, Interest::READABLE)?;
        let mut watch = Self { inotify, folders: HashMap::new(), known: HashMap::new(), unseen: Vec::new() };
        for file in files {
            watch.follow(file)?;
        }
        Ok(watch)
    }

    /// The files whose folder may not be watched, because it cannot be read.
    #[must_use]
    pub fn unseen(&self) -> &[PathBuf] {
        &self.unseen
    }

    /// Waits until something happened to one of the files, or on the way to it.
    pub async fn changed(&self) {
        loop {
            let Ok(mut guard) = self.inotify.readable().await else {
                // The runtime is going down.
                return std::future::pending().await;
            };
            match guard.try_io(|inotify| self.read(inotify.get_ref())) {
                Ok(Ok(false)) | Err(_) => {}
                Ok(Ok(true)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "files are no longer watched; SIGHUP reads the configuration again");
                    return std::future::pending().await;
                }
            }
        }
    }

    /// Reads what there is; whether any of it is about us.
    fn read(&self, inotify: &OwnedFd) -> io::Result<bool> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(inotify, &mut buffer);
        let mut seen = false;
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    seen |= self.is_ours(event.wd(), event.events(), name);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) if seen => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn is_ours(&self, folder: i32, events: ReadFlags, name: Option<&OsStr>) -> bool {
        if events.intersects(LOST) {
            return true;
        }
        let (Some(folder), Some(name)) = (self.folders.get(&folder), name) else { return false };
        if !folder.names.contains(name) {
            return false;
        }
        // A new file is empty as yet: the end of the writing is what counts. A second name for an old one is whole.
        let is_begun = |path: PathBuf| {
            fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.nlink() < 2)
        };
        events != ReadFlags::CREATE || !is_begun(folder.path.join(name))
    }

    /// Watches each step of the way to `file`.
    fn follow(&mut self, file: &Path) -> io::Result<()> {
        let file = std::path::absolute(file)?;
        let mut at = PathBuf::from("/");
        let mut steps: VecDeque<OsString> = steps(&file);
        let mut links = 0;
        while let Some(step) = steps.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let is_seen = self.look(&at, &step)?;
            if steps.is_empty() && !is_seen && at.is_dir() {
                self.unseen.push(file.clone());
            }
            let next = at.join(&step);
            match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => {
                    links += 1;
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    let rest = std::mem::take(&mut steps);
                    steps = self::steps(&target);
                    steps.extend(rest);
                }
                _ => at = next,
            }
        }
        Ok(())
    }

    /// Watches a name in a folder; false when the folder cannot be watched.
    fn look(&mut self, folder: &Path, name: &OsStr) -> io::Result<bool> {
        let id = match self.known.get(folder) {
            Some(id) => *id,
            None => {
                let id = match inotify::add_watch(self.inotify.get_ref(), folder, EVENTS) {
                    Ok(id) => Some(id),
                    // The limit of watches of this user (fs.inotify.max_user_watches).
                    Err(error @ (rustix::io::Errno::NOSPC | rustix::io::Errno::NOMEM)) => {
                        return Err(error.into());
                    }
                    // Not there yet, or not for us to read: the steps before it are watched.
                    Err(_) => None,
                };
                self.known.insert(folder.to_owned(), id);
                id
            }
        };
        let Some(id) = id else { return Ok(false) };
        let watched = self.folders.entry(id);
        let folder = watched.or_insert_with(|| Folder { path: folder.to_owned(), names: HashSet::new() });
        folder.names.insert(name.to_owned());
        Ok(true)
    }
}

/// The steps of a path from its beginning.
fn steps(path: &Path) -> VecDeque<OsString> {
    let step = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(step).collect()
}
