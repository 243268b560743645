//! What the tables show of what was recorded.

use std::time::Duration;

use http::Method;

use super::{BYTES, ByVerb, Histogram, HttpDurations, Named, SECONDS, Verb, Words};

#[test]
fn a_value_at_a_bound_is_not_above_it() {
    let histogram = Histogram::new(&SECONDS);
    for millis in [5, 6, 10_000, 10_001] {
        histogram.record_duration(Duration::from_millis(millis));
    }
    let read = histogram.read();
    assert_eq!((read.buckets.first(), read.buckets.last()), (Some(&(0.005, 1)), Some(&(10.0, 3))));
    assert_eq!((read.count, read.sum), (4, 20.012));
    assert!(read.buckets.iter().map(|(_, count)| *count).is_sorted());
}

#[test]
fn no_value_is_too_large() {
    let histogram = Histogram::new(&BYTES);
    histogram.record(u64::MAX);
    assert_eq!(histogram.read().count, 1);
}

#[test]
fn methods_and_statuses_that_nobody_registered_make_no_series_of_their_own() {
    let durations = HttpDurations::new();
    for (method, status) in [("GET", 200), ("get", 299), ("BREW", 599), ("PROPFIND", 42), ("GET", 499)] {
        let method = Method::from_bytes(method.as_bytes()).expect("a token");
        durations.record(Verb::of(&method), Some(status), Duration::ZERO);
    }
    durations.record(Verb::of(&Method::POST), None, Duration::ZERO);
    let mut all: Vec<_> =
        durations.read().map(|(verb, status, read)| (verb.as_str(), status, read.count)).collect();
    all.sort_unstable();
    let expected = [
        ("GET", Some(200), 1),
        ("GET", Some(499), 1),
        ("POST", None, 1),
        ("_OTHER", None, 1),
        ("_OTHER", Some(200), 1),
        ("_OTHER", Some(500), 1),
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_gauge_counts_who_is_there() {
    let active = ByVerb::default();
    let verb = Verb::of(&Method::PATCH);
    let held = (active.hold(verb), active.hold(verb));
    let shown = |active: &ByVerb| active.read().find(|(own, _)| *own == verb).map(|(_, count)| count);
    assert_eq!(shown(&active), Some(2));
    drop(held);
    assert_eq!(shown(&active), Some(0));
}

#[test]
fn words_are_there_from_the_start_and_found_again() {
    let words = Words::new(&[("allow", ""), ("deny", "denied"), ("allow", "")]);
    words.count("deny", "denied");
    words.count("deny", "not_allowed");
    words.count("deny", "not_allowed");
    let all: Vec<_> = words.read().collect();
    assert_eq!(all, [("allow", "", 0), ("deny", "denied", 1), ("deny", "not_allowed", 2)]);
}

#[test]
fn words_that_find_no_room_are_counted_all_the_same() {
    let words = Words::new(&[]);
    for n in 0..200 {
        words.count(String::leak(format!("word{n}")), "");
    }
    assert_eq!(words.read().map(|(.., count)| count).sum::<u64>(), 200);
}

#[test]
fn a_name_stands_for_one_thing() {
    let named = Named::<Thing>::default();
    named.of("b").0.increment();
    named.of("a");
    named.of("b").0.increment();
    let all: Vec<_> = named.all().into_iter().map(|(name, one)| (name, one.0.get())).collect();
    assert_eq!(all, [("a".to_owned(), 0), ("b".to_owned(), 2)]);
}

#[derive(Default)]
struct Thing(super::Counter);
