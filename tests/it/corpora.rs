//! Attacks as data: each line goes through the real gateway, and each file seeds texts that nobody thought of.

mod cookies;
mod forwarded;
mod hosts;
mod paths;
mod returns;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::support::{Answer, Stage, exchange};

/// A request by GET with these lines between the request line and the end of the head.
async fn get(stage: &Stage, target: &[u8], fields: &[u8]) -> Answer {
    let head = [&b"GET "[..], target, b" HTTP/1.1\r\nconnection: close\r\n", fields, b"\r\n"].concat();
    exchange(stage.gateway, head).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Samples of a strategy, the same in every run.
fn samples<T: Clone + std::fmt::Debug>(count: usize, strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a sample").current()).collect()
}

/// Pieces of a corpus's lines, put together anew: the head of one, a fragment, the tail of another.
fn spliced(corpus: Vec<String>, fragments: &[&'static str]) -> impl Strategy<Value = String> + use<> {
    let line = prop::sample::select(corpus);
    let fragment = prop::collection::vec(prop::sample::select(fragments.to_vec()), 0..4);
    let cut = || any::<prop::sample::Index>();
    (line.clone(), cut(), fragment, line, cut()).prop_map(|(first, at, middle, second, from)| {
        let (first, second): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
        let head = first[..at.index(first.len() + 1)].iter().collect::<String>();
        let tail = second[from.index(second.len() + 1)..].iter().collect::<String>();
        head + &middle.concat() + &tail
    })
}

/// One percent-decoding by a server that keeps what is no encoding.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) if digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}
