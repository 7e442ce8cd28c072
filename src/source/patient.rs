//! An open file, pipe or socket that its program reads without waiting (`O_NONBLOCK`).

use std::fs::File;
use std::io::{self, ErrorKind, Read};

/// Waits where the file itself does not: that nothing has arrived yet is neither an end nor a failure.
pub(crate) struct Patient(pub(crate) File);

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&self.0, error)?,
                read => return read,
            }
        }
    }
}

/// Until there is something to read, or an end. After a signal it may return early.
#[cfg(unix)]
fn wait(file: &File, _: io::Error) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    let mut asked = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: a list of one, into which the call writes what it found.
    match unsafe { libc::poll(&raw mut asked, 1, -1) } {
        0.. => Ok(()),
        _ => match io::Error::last_os_error() {
            signal if signal.kind() == ErrorKind::Interrupted => Ok(()),
            error => Err(error),
        },
    }
}

#[cfg(not(unix))]
fn wait(_: &File, refused: io::Error) -> io::Result<()> {
    Err(refused)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_pipe_that_does_not_wait_is_read_to_its_end() {
        let (reading, mut writing) = UnixStream::pair().unwrap();
        reading.set_nonblocking(true).unwrap();
        let mut file = File::from(OwnedFd::from(reading));
        let refused = file.read(&mut [0]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        let mut patient = Patient(file);
        let writer = std::thread::spawn(move || writing.write_all(b"1,a\n"));
        let mut read = Vec::new();
        patient.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"1,a\n");
        writer.join().unwrap().unwrap();
    }
}
