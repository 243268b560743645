//! The data files in `tests/vectors`.

/// A request head with what is expected of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What it is, in words.
    pub(crate) name: String,
    /// The method, and the target where the file has one.
    pub(crate) method: String,
    /// The target; `/` where the file has none.
    pub(crate) target: String,
    /// The field lines, as written.
    pub(crate) fields: Vec<(String, String)>,
    /// The words after `=>`.
    pub(crate) expected: Vec<String>,
}

impl Case {
    /// The value of a field, in any case of its name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// The text of a file.
pub(crate) fn text(name: &str) -> String {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines of a file, but for comments (`# `) and empty ones.
pub(crate) fn lines(name: &str) -> Vec<String> {
    text(name).lines().filter(|line| !line.starts_with("# ") && !line.is_empty()).map(str::to_owned).collect()
}

/// The rows of a file: the cells of each line, separated by ` | `, with `\xNN` for bytes that a text file cannot show.
pub(crate) fn rows(name: &str) -> Vec<Vec<Vec<u8>>> {
    lines(name).iter().map(|line| line.split(" | ").map(bytes).collect()).collect()
}

/// The heads of a file: `[name]`, the request line, fields, `=> what is expected`.
pub(crate) fn heads(name: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for block in text(name).split("\n[").skip(1) {
        let mut lines = block.lines().filter(|line| !line.starts_with("# ") && !line.is_empty());
        let title = lines.next().unwrap_or_default().trim_end_matches(']').to_owned();
        let line = lines.next().unwrap_or_else(|| panic!("{name}: [{title}] has no request line"));
        let (method, target) = line.split_once(' ').unwrap_or((line, "/"));
        let mut case = Case {
            name: title,
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            expected: Vec::new(),
        };
        for line in lines {
            if let Some(expected) = line.strip_prefix("=> ") {
                case.expected = expected.split_whitespace().map(str::to_owned).collect();
            } else {
                let (field, value) = line
                    .split_once(':')
                    .unwrap_or_else(|| panic!("{name}: [{}]: {line} is no field", case.name));
                case.fields.push((field.to_owned(), value.trim().to_owned()));
            }
        }
        assert!(!case.expected.is_empty(), "{name}: [{}] expects nothing", case.name);
        cases.push(case);
    }
    cases
}

/// The bytes of a cell: `\xNN` is a byte, `\\` a backslash, `\n` a line feed, `\r` a carriage return, `\t` a tab,
/// `\0` NUL, `\e` nothing, all else itself.
fn bytes(cell: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = cell.bytes();
    while let Some(byte) = rest.next() {
        match (byte, (byte == b'\\').then(|| rest.next()).flatten()) {
            (_, Some(b'x')) => {
                let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                out.push(u8::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{cell}: \\x{digits}")));
            }
            (_, Some(b'e')) => {}
            (_, Some(b'n')) => out.push(b'\n'),
            (_, Some(b'r')) => out.push(b'\r'),
            (_, Some(b't')) => out.push(b'\t'),
            (_, Some(b'0')) => out.push(0),
            (_, Some(b'\\')) => out.push(b'\\'),
            (_, Some(other)) => panic!("{cell}: \\{} means nothing", char::from(other)),
            (plain, None) => out.push(plain),
        }
    }
    out
}
