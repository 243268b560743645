//! The `[headers.NAME]` sections: header sets of the operator's own, beside the presets.

use std::collections::HashMap;

use http::HeaderName;
use zeroize::Zeroizing;

use super::code::Code;
use super::fault::quote;
use super::nearest::nearest;
use super::reader::{Field, Section};
use super::secrets;
use crate::identity::{HeaderPlan, HeaderSource, Preset, Reserved, Template, TemplateError, Wanted, fold};

/// The word for no headers at all.
pub(super) const NONE: &str = "none";

/// The sets of the configuration.
pub(super) struct HeaderSets<'a> {
    sets: HashMap<&'a str, Vec<Header<'a>>>,
}

/// One header of a set.
struct Header<'a> {
    field: Field<'a>,
    name: HeaderName,
    value: Written,
}

/// The value of a header, which several routes may use.
enum Written {
    Template(Template),
    Secret(Zeroizing<String>),
}

/// Names that carry the message itself or the connection, and those that tell the upstream about the client, which are
/// always ours. Folded.
const NOT_YOURS: &[&str] = &[
    "host",
    "cookie",
    "set-cookie",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "upgrade",
    "http2-settings",
    "te",
    "trailer",
    "expect",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-real-ip",
    "x-request-id",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-http-method-override",
    "origin",
];

const SECRET_EXAMPLE: &str = "{ file = \"gateway.secret\" }";

pub(super) fn read<'a>(top: &Section<'a>) -> HeaderSets<'a> {
    let mut sets = HashMap::new();
    for (name, field) in top.named("headers", "[headers.legacy]", &[]) {
        if name == NONE || Preset::parse(name).is_some() {
            field.key_fault(
                Code::Name,
                format!("{} has the name of a built-in header set", field.path()),
                "choose another name",
            );
        }
        let mut headers: Vec<Header<'a>> = Vec::new();
        for (name, value) in field.entries(&format!("[{}]", field.path())) {
            let Some(header) = header(name, &value) else { continue };
            if headers.iter().any(|other| fold(other.name.as_str()) == fold(header.name.as_str())) {
                value.key_fault(
                    Code::HeaderName,
                    format!("{} stands twice, up to case and underscores", value.path()),
                    "keep one of them: applications read both as one",
                );
            }
            headers.push(header);
        }
        sets.insert(name, headers);
    }
    HeaderSets { sets }
}

/// Whether a folded name is not for the configuration to send or to let through.
pub(super) fn is_ours(folded: &str) -> bool {
    NOT_YOURS.contains(&folded) || folded.starts_with("sec-")
}

fn header<'a>(name: &str, field: &Field<'a>) -> Option<Header<'a>> {
    let folded = fold(name);
    let parsed = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name.len() <= 128);
    let Some(parsed) = parsed else {
        field.key_fault(
            Code::HeaderName,
            format!("{} is no header name", quote(name)),
            "header names are letters, digits and -, for example X-User",
        );
        return None;
    };
    if is_ours(&folded) {
        field.key_fault(
            Code::ReservedHeader,
            format!("{} is not for the configuration to set", field.path()),
            "it carries the message itself, or what we tell the upstream about the client; choose another name",
        );
        return None;
    }
    let value = if secrets::is_reference(field) {
        let secret = secrets::read(field, SECRET_EXAMPLE, "put the secret into that file")?;
        if secret.trim().is_empty() || secret.chars().any(char::is_control) {
            field.fault(
                Code::Text,
                format!(
                    "{}: the secret is blank or holds a control character, which no header can carry",
                    field.path()
                ),
                "make one line of it",
            );
            return None;
        }
        Written::Secret(secret)
    } else {
        Written::Template(template(field)?)
    };
    Some(Header { field: field.clone(), name: parsed, value })
}

fn template(field: &Field<'_>) -> Option<Template> {
    let text = field
        .text("a template or a reference to a secret", &format!("{} = \"{{user}}\"", field.path().key()))?;
    // The text is not shown: somebody may have written a secret here.
    let (wrong, guess) = match Template::parse(text) {
        Ok(_) if text.is_empty() => ("is empty".to_owned(), None),
        Ok(template) => return Some(template),
        Err(TemplateError::Unknown(name)) => {
            let known = ["user", "email", "name", "sub", "issuer", "groups", "groups*", "session"];
            ("holds a placeholder that does not exist".to_owned(), nearest(&name, known))
        }
        Err(error) => (format!("is no template: {error}"), None),
    };
    let guess = guess.map(|near| format!("did you mean {{{near}}}? ")).unwrap_or_default();
    field.fault(
        Code::Template,
        format!("{} {wrong}", field.path()),
        format!("{guess}Placeholders: {}", Template::PLACEHOLDERS),
    );
    None
}

impl<'a> HeaderSets<'a> {
    /// Every name that only we may set, with those of these sets.
    pub(super) fn reserved(&self) -> Reserved {
        Reserved::new(self.sets.values().flatten().map(|header| &header.name))
    }

    /// The plan of a route that asks for the sets in `field`, and their names; without a field, the default.
    pub(super) fn plan(&self, field: Option<&Field<'a>>) -> Option<(HeaderPlan, Vec<String>)> {
        const EXAMPLE: &str = "headers = \"forwarded\"";
        let Some(field) = field else {
            let default = Preset::Forwarded;
            return Some((HeaderPlan::new(HeaderPlan::of_preset(default)), vec![default.name().to_owned()]));
        };
        let items = field.one_or_more(EXAMPLE);
        let mut names: Vec<String> = Vec::new();
        let mut headers = Vec::new();
        for item in &items {
            let name = item.text("the name of a header set", EXAMPLE)?;
            headers.extend(self.sources(item, name)?);
            names.push(name.to_owned());
        }
        if names.iter().any(|name| name == NONE) && names.len() > 1 {
            field.fault(
                Code::UnknownHeaders,
                format!("{} holds \"none\" beside other names", field.path()),
                "keep \"none\", or the others",
            );
            return None;
        }
        if field.is_empty_list() {
            field.fault(
                Code::UnknownHeaders,
                format!("{} names no header set", field.path()),
                "write headers = \"none\" if the upstream is to hear nothing",
            );
            return None;
        }
        (!names.is_empty()).then(|| (HeaderPlan::new(headers), names))
    }

    fn sources(&self, field: &Field<'_>, name: &str) -> Option<Vec<(HeaderName, HeaderSource)>> {
        if name == NONE {
            return Some(Vec::new());
        }
        if let Some(preset) = Preset::parse(name) {
            return Some(HeaderPlan::of_preset(preset));
        }
        if let Some(headers) = self.sets.get(name) {
            return Some(headers.iter().map(|header| (header.name.clone(), header.value.source())).collect());
        }
        let presets = Preset::ALL.iter().map(|preset| preset.name());
        let mut own: Vec<&str> = self.sets.keys().copied().collect();
        own.sort_unstable();
        let legal: Vec<&str> = own.into_iter().chain(presets).chain([NONE]).collect();
        let guess = nearest(name, legal.iter().copied()).map(|near| format!("did you mean {near}? "));
        field.fault(
            Code::UnknownHeaders,
            format!("{} names {}, which is no header set", field.path(), quote(name)),
            format!("{}Legal here: {}", guess.unwrap_or_default(), legal.join(", ")),
        );
        None
    }

    /// The headers that send the claim `path` as the provider gave it.
    pub(super) fn reading(&self, path: &str) -> impl Iterator<Item = &Field<'a>> {
        let reads = move |header: &&Header<'a>| match &header.value {
            Written::Template(template) => {
                let mut wanted = Wanted::default();
                template.want(&mut wanted);
                wanted.claims().any(|claim| same_claim(claim, path))
            }
            Written::Secret(_) => false,
        };
        self.sets.values().flatten().filter(reads).map(|header| &header.field)
    }
}

impl Written {
    fn source(&self) -> HeaderSource {
        match self {
            Self::Template(template) => HeaderSource::Template(template.clone()),
            Self::Secret(secret) => HeaderSource::Secret(secrets::keep(secret)),
        }
    }
}

/// Whether two paths name one claim: `email` is `/email`.
pub(super) fn same_claim(a: &str, b: &str) -> bool {
    a.strip_prefix('/').unwrap_or(a) == b.strip_prefix('/').unwrap_or(b)
}
