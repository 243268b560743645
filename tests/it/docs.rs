//! The pages for people: their links lead somewhere, and they name what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use vestibule::config::Code;

/// Every Markdown file of the checkout, by its path from the root, with its text.
fn pages() -> BTreeMap<PathBuf, String> {
    fn collect(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let is_ours = !name.starts_with('.') && !matches!(name.as_str(), "target" | "node_modules");
            if path.is_dir() && is_ours {
                collect(root, &path, into);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let own = path.strip_prefix(root).expect("inside the checkout").to_owned();
                into.insert(own, fs::read_to_string(&path).expect("a page"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines().filter(move |line| {
        let is_border = line.trim_start().starts_with("```");
        in_block ^= is_border;
        !in_block && !is_border
    })
}

/// The targets of inline links: what stands in `](...)`, outside of code spans.
fn targets(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in prose(text) {
        for (at, piece) in line.split("](").enumerate().skip(1) {
            let before: String = line.split("](").take(at).collect();
            if before.matches('`').count().is_multiple_of(2) {
                found.extend(piece.split(')').next());
            }
        }
    }
    found
}

/// The anchors of a page: its headings as code hosts spell them, and what it names itself.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#')).map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    });
    let named = text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    headings.chain(named).collect()
}

/// `docs/../README.md` as `README.md`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    let mut broken = Vec::new();
    let mut seen = 0;
    for (page, text) in &pages {
        for target in targets(text) {
            if target.starts_with("https://")
                || target.starts_with("http://")
                || target.starts_with("mailto:")
            {
                continue;
            }
            seen += 1;
            let (file, anchor) =
                target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let path = if file.is_empty() { page.clone() } else { plain(&page.with_file_name(file)) };
            let is_there = !file.starts_with('/') && root.join(&path).exists();
            let is_named = anchor
                .is_none_or(|anchor| pages.get(&path).is_some_and(|text| anchors(text).contains(anchor)));
            if !is_there || !is_named {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(seen > 20, "the links were looked for: {seen}");
}

#[test]
fn every_page_of_docs_is_in_its_index() {
    let pages = pages();
    let index = pages.get(Path::new("docs/README.md")).expect("the index");
    let listed: BTreeSet<&str> = targets(index).into_iter().collect();
    for page in pages.keys().filter(|page| page.starts_with("docs") && !page.ends_with("README.md")) {
        let name = page.file_name().expect("a name").to_string_lossy();
        assert!(listed.contains(&*name), "{name} is not in docs/README.md");
    }
}

/// The blocks of configuration in a page.
fn configurations(text: &str) -> Vec<&str> {
    text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// A part of a configuration, with what it leaves out put around it.
fn completed(part: &str) -> String {
    let lacks = |head: &str| !part.lines().any(|line| line.starts_with(head));
    let mut before = String::new();
    let mut after = String::new();
    if lacks("public_url") {
        before += "public_url = \"https://wiki.example.com\"\n";
    }
    if lacks("[session]") {
        after += "[session]\nkey = { file = \"session.key\" }\n";
    }
    if lacks("[providers.") {
        after += "[providers.main]\nissuer = \"https://sso.example.com\"\nclient_id = \"wiki\"\n";
    }
    if lacks("[routes.") {
        after += "[routes.rest]\nupstream = \"http://127.0.0.1:8080\"\nallow = [\"signed-in\"]\n";
    }
    // Keys above the first table have to stay there.
    let (top, tables) = part.split_at(part.find("\n[").map_or(0, |at| at + 1));
    format!("{before}{top}\n{after}{tables}")
}

#[test]
fn every_configuration_in_the_pages_is_one() {
    let folder = std::env::temp_dir().join(format!("vestibule-docs-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let run = |line: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command
            .args(line.split_whitespace())
            .current_dir(&folder)
            .env("CREDENTIALS_DIRECTORY", &folder)
            .output()
            .expect("the binary")
    };
    let mut seen = 0;
    // The page of errors shows what is wrong, on purpose.
    for (page, text) in pages().iter().filter(|(page, _)| !page.ends_with("errors.md")) {
        // Certificates would have to be made; `tests/it/tls_upstreams.rs` does that.
        for part in configurations(text).into_iter().filter(|part| !part.contains(".pem\"")) {
            let named = |key: &'static str| part.split(key).skip(1).filter_map(|rest| rest.split('"').next());
            for name in named("file = \"").chain(named("credential = \"")) {
                let _ = fs::remove_file(folder.join(name));
                assert!(run(&format!("keygen session --out {name}")).status.success(), "{name}");
            }
            if !folder.join("session.key").exists() {
                assert!(run("keygen session --out session.key").status.success());
            }
            let whole = completed(part);
            fs::write(folder.join("vestibule.toml"), &whole).expect("a file");
            let said = run("check");
            let faults = String::from_utf8_lossy(&said.stderr);
            assert!(said.status.success(), "{}:\n{faults}\n{whole}", page.display());
            seen += 1;
        }
    }
    fs::remove_dir_all(&folder).expect("the folder goes");
    assert!(seen > 8, "the configurations were looked for: {seen}");
}

/// The codes of faults while it runs, as `group/word`, that stand as texts in the source.
fn codes() -> BTreeSet<String> {
    const GROUPS: &[&str] = &[
        "audit", "config", "listen", "provider", "login", "token", "userinfo", "identity", "session",
        "upstream", "request", "internal",
    ];
    let mut found = BTreeSet::new();
    for (_, text) in sources() {
        for word in text.split('"').skip(1) {
            let Some((group, rest)) = word.split_once('/') else { continue };
            let is_word =
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            // What is said of a file has a section for each code, which other tests hold to the list.
            let is_of_files = Code::ALL.iter().any(|code| code.as_str() == word);
            if GROUPS.contains(&group) && is_word && !is_of_files {
                found.insert(word.to_owned());
            }
        }
    }
    found
}

/// Every source file with its text, tests aside.
fn sources() -> Vec<(PathBuf, String)> {
    fn collect(path: &Path, into: &mut Vec<(PathBuf, String)>) {
        if path.is_dir() {
            fs::read_dir(path).expect("a folder").flatten().for_each(|entry| collect(&entry.path(), into));
        } else if !path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests")) {
            into.push((path.to_owned(), fs::read_to_string(path).unwrap_or_default()));
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

#[test]
fn every_log_line_with_a_code_says_where_it_is_explained() {
    let mut lines = 0;
    for (path, text) in sources() {
        for call in ["tracing::error!(", "tracing::warn!(", "tracing::info!("] {
            for call in text.split(call).skip(1) {
                let fields = call.split(");").next().unwrap_or_default();
                if fields.contains("code = ") {
                    assert!(fields.contains("url"), "{}: {fields}", path.display());
                    lines += 1;
                }
            }
        }
    }
    assert!(lines > 7, "the lines were looked for: {lines}");
}

#[test]
fn every_code_of_the_log_is_explained_where_its_url_leads() {
    let page = include_str!("../../docs/errors.md");
    let anchored = page.split("<a id=\"").skip(1).filter_map(|rest| {
        let (anchor, rest) = rest.split_once("\"></a>`")?;
        let (code, _) = rest.split_once('`')?;
        assert_eq!(code.replace('/', "-"), anchor);
        Some(code.to_owned())
    });
    assert_eq!(anchored.collect::<BTreeSet<_>>(), codes(), "docs/errors.md, and the codes in src");
}
