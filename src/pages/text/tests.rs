//! Moments, lists and sizes in words.

use std::time::Duration;

use crate::clock::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_795_510_000);

#[test]
fn times_are_shown_in_utc_and_seen_from_now() {
    let at = |secs| NOW.plus(Duration::from_secs(secs));
    assert_eq!(super::moment(&NOW), "24 November 2026, 08:46 UTC");
    assert_eq!(super::machine(&NOW), "2026-11-24T08:46:40Z");
    assert_eq!(super::moment(&Timestamp::EPOCH), "1 January 1970, 00:00 UTC");
    assert_eq!(super::moment(&Timestamp::from_millis(u64::MAX)), "31 December 9999, 23:59 UTC");
    assert_eq!(super::relative(&at(42_000), &NOW), "in 11 h 40 min");
    assert_eq!(super::relative(&at(200_000), &NOW), "in 2 d 7 h");
    assert_eq!(super::relative(&at(59), &NOW), "in less than a minute");
    assert_eq!(super::relative(&NOW, &NOW), "just now");
    assert_eq!(super::relative(&NOW, &at(720)), "12 min ago");
    assert_eq!(super::relative(&NOW, &at(7200)), "2 h ago");
}

#[test]
fn lists_and_sizes_read_as_words() {
    let list = |n: usize| (0..n).map(|i| format!("g{i}")).collect::<Vec<_>>();
    assert_eq!(super::one_of(&[]), "");
    assert_eq!(super::one_of(&list(1)), "g0");
    assert_eq!(super::one_of(&list(2)), "g0 or g1");
    assert_eq!(super::one_of(&list(3)), "g0, g1 or g2");
    assert!(super::one_of(&list(40)).ends_with("g11 or one of 28 more"));
    assert_eq!(super::size(&512), "512 bytes");
    assert_eq!(super::size(&(32 * 1024)), "32 KiB");
    assert_eq!(super::size(&1_572_864), "1.5 MiB");
    assert!(super::size(&u64::MAX).ends_with("TiB"));
}
