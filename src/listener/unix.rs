//! A Unix socket to listen on, and the file that leads to it: made with care for what is there, and taken away at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll, ready};

use socket2::{Domain, SockAddr, Type};
use tokio::net::{UnixListener, UnixStream};

use super::bind::BACKLOG;

/// A listening Unix socket.
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Our socket file. Dropping it removes the file, unless another stands in its place by now.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and number of the file as we made it.
    identity: (u64, u64),
}

/// Who may connect: the owner and the group. The proxy in front is given our group, or we its.
const MODE: u32 = 0o660;

impl UnixSocket {
    /// Binds `path`. To be called within a runtime.
    ///
    /// # Errors
    /// `AddrInUse` when a process listens there, `AlreadyExists` when something stands there that is no socket and so is
    /// not ours to remove, and whatever else the system says.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let address = SockAddr::unix(path)?;
        let socket = socket()?;
        if let Err(error) = socket.bind(&address) {
            if error.kind() != io::ErrorKind::AddrInUse {
                return Err(error);
            }
            clear(path, &address)?;
            socket.bind(&address)?;
        }
        let file = SocketFile::made(path)?;
        // Before it listens, so that nobody comes in between.
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        Ok(Self { listener: UnixListener::from_std(socket.into())?, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        let (stream, _) = ready!(self.listener.poll_accept(context))?;
        Poll::Ready(Ok(stream))
    }

    /// The connections that wait in the kernel. The file goes first, so that none comes after them.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = UnixStream> + Send {
        let Self { listener, file } = self;
        drop(file);
        let listener = listener.into_std().ok();
        std::iter::from_fn(move || {
            let (stream, _) = listener.as_ref()?.accept().ok()?;
            stream.set_nonblocking(true).ok()?;
            UnixStream::from_std(stream).ok()
        })
    }
}

impl SocketFile {
    fn made(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // What cannot be removed is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn socket() -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Removes the socket file that a process left behind which is no more.
fn clear(path: &Path, address: &SockAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        let what = "something that is no socket stands at this path, and was left there";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    match socket()?.connect(address) {
        // Only a socket that nobody listens on says this.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::UnixSocket;

    #[tokio::test]
    async fn what_stands_at_the_path_decides() {
        let folder = std::env::temp_dir().join(format!("vestibule-unix-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("a.sock");
        let kind = |path| UnixSocket::bind(path).map(drop).map_err(|error| error.kind());

        let ours = UnixSocket::bind(&path).expect("a free path");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o7777, 0o660);
        assert_eq!(kind(&path), Err(std::io::ErrorKind::AddrInUse), "we live");
        drop(ours);
        assert!(!path.exists(), "what is ours goes with us");

        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "one that its process left behind");
        let ours = UnixSocket::bind(&path).expect("a dead socket is replaced");
        fs::remove_file(&path).expect("removed");
        let theirs = UnixListener::bind(&path).expect("another one's");
        drop(ours);
        assert!(path.exists(), "what is not ours stays");
        drop(theirs);
        fs::remove_file(&path).expect("removed");

        fs::write(&path, "precious").expect("a file");
        assert_eq!(kind(&path), Err(std::io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(&path).expect("a file"), b"precious");
        assert!(UnixSocket::bind(&folder.join("x".repeat(108))).is_err(), "too long for the kernel");
        assert!(UnixSocket::bind(&folder.join("none/a.sock")).is_err());
        fs::remove_dir_all(&folder).expect("removed");
    }
}
