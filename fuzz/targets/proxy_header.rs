//! Headers of the PROXY protocol: however the bytes arrive they come to one thing, of which nothing behind the header
//! is a part, and the listener never takes a byte of that.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule::web::Introduction;
use vestibule::web::proxy_header::{BadHeader, Progress, read};

/// Takes as the listener does: at most what is known to be missing, here at most so much at once.
fn take(stream: &[u8], step: usize) -> (Result<Progress, BadHeader>, usize) {
    let mut taken = 0;
    loop {
        match read(&stream[..taken]) {
            Ok(Progress::Needs(missing)) if taken < stream.len() => {
                taken = (taken + missing.get().min(step)).min(stream.len());
            }
            result => return (result, taken),
        }
    }
}

fuzz_target!(|stream: &[u8]| {
    let (result, taken) = take(stream, usize::MAX);
    for step in [1, 5] {
        let (stepwise, slowly) = take(stream, step);
        // Of what is wrong with a header, another part may be seen first.
        assert_eq!(result.as_ref().ok(), stepwise.as_ref().ok());
        assert!(result.is_err() || taken == slowly);
    }
    match result {
        Ok(Progress::Complete { introduction, length }) => {
            assert_eq!(taken, length);
            assert!(length <= 16 + 4096);
            assert_eq!(read(stream), result, "all bytes at once");
            if let Introduction::Client { address: Some(address), .. } = introduction {
                assert_eq!(address, address.to_canonical());
            }
        }
        Ok(Progress::Needs(missing)) => {
            assert_eq!(taken, stream.len());
            assert!(missing.get() <= 4096);
        }
        Err(_) => {}
    }
});
