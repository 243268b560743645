//! Header plan: which identity headers a route sends, and their values for one person.

use http::{HeaderName, HeaderValue};

use super::{Identity, Part, Preset, Template, Wanted, preset};
use crate::secret::Secret;

/// The identity headers of a route.
#[derive(Debug, Default)]
pub struct HeaderPlan {
    headers: Vec<(HeaderName, HeaderSource)>,
}

/// Where the value of a header comes from.
#[derive(Debug)]
pub enum HeaderSource {
    /// A template over the identity; sent only with an identity.
    Template(Template),
    /// A fixed text that proves to the upstream that we are the sender; sent with every request.
    Secret(Secret<String>),
}

/// The identity headers of one person on one route, ready to send.
#[derive(Clone, Debug, Default)]
pub struct IdentityHead {
    fields: Vec<(HeaderName, HeaderValue)>,
    omitted: u64,
}

impl HeaderPlan {
    /// A plan of these headers. A name that stands twice is sent once, by its first entry.
    #[must_use]
    pub fn new(headers: Vec<(HeaderName, HeaderSource)>) -> Self {
        let mut plan = Self::default();
        for (name, source) in headers {
            if !plan.sets(&name) {
                plan.headers.push((name, source));
            }
        }
        plan
    }

    /// The headers of a preset.
    #[must_use]
    pub fn of_preset(wanted: Preset) -> Vec<(HeaderName, HeaderSource)> {
        preset(wanted)
            .iter()
            .filter_map(|(name, template)| {
                let template = Template::parse(template).ok()?;
                Some((HeaderName::from_static(name), HeaderSource::Template(template)))
            })
            .collect()
    }

    /// Whether the plan sets `name`.
    #[must_use]
    pub fn sets(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(own, _)| own == name)
    }

    /// The names that the plan sets.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.headers.iter().map(|(name, _)| name)
    }

    /// Whether a header depends on that part of an identity.
    #[must_use]
    pub fn reads(&self, part: Part) -> bool {
        self.headers
            .iter()
            .any(|(_, source)| matches!(source, HeaderSource::Template(template) if template.reads(part)))
    }

    /// Adds to `wanted` what the plan needs of the claims.
    pub fn want(&self, wanted: &mut Wanted) {
        for (_, source) in &self.headers {
            if let HeaderSource::Template(template) = source {
                template.want(wanted);
            }
        }
    }

    /// The headers for `identity`, or those that need none. `session` is the short form of the session's id.
    ///
    /// Values are sent as UTF-8 bytes. One with a control character is left out: it can only be an attack or an
    /// accident, and half a value would be worse than none.
    #[must_use]
    pub fn render(&self, identity: Option<(&Identity, &str)>) -> IdentityHead {
        let mut head = IdentityHead::default();
        for (name, source) in &self.headers {
            let values = match (source, identity) {
                (HeaderSource::Secret(secret), _) => vec![secret.expose().clone()],
                (HeaderSource::Template(template), Some((identity, session))) => {
                    template.render(identity, session, &mut head.omitted)
                }
                (HeaderSource::Template(_), None) => Vec::new(),
            };
            for value in values {
                match header_value(&value) {
                    Some(mut field) => {
                        field.set_sensitive(matches!(source, HeaderSource::Secret(_)));
                        head.fields.push((name.clone(), field));
                    }
                    None => head.omitted += 1,
                }
            }
        }
        head
    }
}

impl IdentityHead {
    /// The fields in the order in which they are written.
    #[must_use]
    pub fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.fields
    }

    /// How many values were left out: groups that contain the separator, values with control characters.
    #[must_use]
    pub const fn omitted(&self) -> u64 {
        self.omitted
    }
}

/// A field value from text, or nothing if a control character (of any script) is in it or it is only space.
fn header_value(text: &str) -> Option<HeaderValue> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    HeaderValue::from_bytes(text.as_bytes()).ok()
}
