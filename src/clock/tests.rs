//! Times as they are shown.

use proptest::prelude::*;

use super::Timestamp;

proptest! {
    #[test]
    fn a_time_is_shown_as_the_general_writer_shows_it(millis in 0_u64..253_402_300_800_000) {
        let at = Timestamp::from_millis(millis);
        let expected = humantime::format_rfc3339_millis(at.as_system_time()).to_string();
        prop_assert_eq!(at.to_string(), expected.clone());
        let mut text = String::new();
        at.push_to(&mut text);
        prop_assert_eq!(text, expected);
    }
}

#[test]
fn the_ends_of_months_years_and_time_are_shown() {
    for (secs, shown) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_798_761_599, "2026-12-31T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (u64::MAX, "9999-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(Timestamp::from_secs(secs).to_string(), shown);
    }
}
