//! The schema takes what the configuration takes and refuses what is wrong in form, as a validator of others judges.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas, ValidationError};

use super::super::{Code, schema};
use super::place::Place;
use super::vectors::vectors;

/// The kinds of faults that are in the form of one value.
const IN_FORM: &[Code] = &[
    Code::UnknownKey,
    Code::Type,
    Code::Missing,
    Code::Value,
    Code::Number,
    Code::Name,
    Code::PlainSecret,
    Code::SecretReference,
    Code::NoAllow,
    Code::EmptyAllow,
    Code::NoUpstream,
];

/// Where the schema finds fault with a configuration, as JSON pointers; none when it takes it.
fn judged(text: &str) -> BTreeSet<String> {
    fn collect(error: &ValidationError<'_, '_>, into: &mut BTreeSet<String>) {
        into.insert(error.instance_location.to_string());
        error.causes.iter().for_each(|cause| collect(cause, into));
    }
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("file:///schema.json", schema()).expect("a resource");
    let index = compiler.compile("file:///schema.json", &mut schemas).expect("a schema");
    let table: toml::Table = text.parse().expect("toml");
    let value = serde_json::to_value(table).expect("json");
    let mut found = BTreeSet::new();
    if let Err(error) = schemas.validate(&value, index) {
        collect(&error, &mut found);
    }
    found
}

/// A key path as a JSON pointer.
fn pointer(key: &str) -> String {
    let steps = key.replace(']', "").replace('[', ".");
    steps
        .split('.')
        .filter(|step| !step.is_empty())
        .fold(String::new(), |path, step| format!("{path}/{step}"))
}

#[test]
fn the_example_is_taken() {
    let example = include_str!("../../../config.example.toml");
    assert_eq!(judged(example), BTreeSet::new());
    assert_eq!(judged(&super::example::written_out()), BTreeSet::new());
}

#[test]
fn what_check_takes_is_taken_and_what_is_wrong_in_form_is_found() {
    let place = Place::new("schema");
    let (mut taken, mut refused) = (0, 0);
    for path in vectors() {
        let text = std::fs::read_to_string(&path).expect("a vector");
        let name = path.display();
        let Err(faults) = place.parse(&text) else {
            assert_eq!(judged(&text), BTreeSet::new(), "{name}");
            taken += 1;
            continue;
        };
        // What is no TOML, or holds a number that no JSON could, is no matter of the schema.
        if text.parse::<toml::Table>().is_err() {
            continue;
        }
        let found = judged(&text);
        for fault in faults.list().iter().filter(|fault| IN_FORM.contains(&fault.code)) {
            let at = pointer(&fault.key);
            // What is missing is missed by the table around it, which may be missing too; a name has no place of its own.
            let mut places = std::iter::successors(Some(&*at), |place| Some(place.rsplit_once('/')?.0));
            let levels = if matches!(fault.code, Code::Missing | Code::Name) { usize::MAX } else { 2 };
            assert!(
                places.by_ref().take(levels).any(|place| found.contains(place)),
                "{name}: {at} is not in {found:?}"
            );
            refused += 1;
        }
    }
    assert!(taken > 5 && refused > 30, "{taken} taken, {refused} refused");
}

#[test]
fn durations_and_sizes_have_one_spelling() {
    let with = |key: &str, value: &str| {
        let [section, key] = [0, 1].map(|at| key.split('.').nth(at).unwrap_or_default());
        let text = format!(
            "public_url = \"https://wiki.example.com\"\n[routes.wiki]\nupstream = \"http://a\"\nallow = [\"everyone\"]\n\
             [{section}]\n{key} = {value}\n"
        );
        judged(&text).is_empty()
    };
    for (key, value, legal) in [
        ("session.idle", "'1h30m'", true),
        ("session.idle", "'0'", true),
        ("session.max_age", "'0'", false),
        ("session.max_age", "''", false),
        ("session.max_age", "'90'", false),
        ("session.max_age", "90", false),
        ("session.max_age", "'30m1h'", false),
        ("session.max_age", "'250ms'", true),
        ("listen.max_head", "'32KiB'", true),
        ("listen.max_head", "'32KB'", false),
        ("listen.max_head", "''", false),
        ("listen.max_connections", "0", false),
        ("listen.max_connections", "1000000", true),
    ] {
        assert_eq!(with(key, value), legal, "{key} = {value}");
    }
}
