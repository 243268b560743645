//! Templates: the value of an identity header, written with placeholders.

use super::{Identity, Wanted};

/// A parsed template such as `{user}` or `{groups:|}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of an identity that depends on what a provider is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `{email}`
    Email,
    /// `{name}`
    Name,
    /// `{groups}` in each of its forms.
    Groups,
}

/// Why a template is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("a brace has no partner")]
    Unbalanced,
    /// A placeholder that does not exist.
    #[error("{{{0}}} is no placeholder")]
    Unknown(String),
    /// `{groups*}` makes one header for each group and so must stand alone.
    #[error("{{groups*}} makes one header for each group and must stand alone")]
    EachNotAlone,
    /// A literal part that no header value can hold.
    #[error("the text around the placeholders holds a control character")]
    Control,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    User,
    Email,
    Name,
    Subject,
    Issuer,
    Groups(String),
    EachGroup,
    Claim(String),
    Session,
}

impl Template {
    /// The placeholders that exist, for messages.
    pub const PLACEHOLDERS: &'static str = "{user}, {email}, {name}, {sub}, {issuer}, {groups}, {groups:SEPARATOR}, {groups*}, {claim:NAME}, {session}";

    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, after) =
                rest.split_once('{').map_or((rest, None), |(literal, after)| (literal, Some(after)));
            if literal.contains('}') {
                return Err(TemplateError::Unbalanced);
            }
            if literal.chars().any(char::is_control) {
                return Err(TemplateError::Control);
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, after) = after.split_once('}').ok_or(TemplateError::Unbalanced)?;
            pieces.push(Piece::parse(name)?);
            rest = after;
        }
        if pieces.contains(&Piece::EachGroup) && pieces.len() > 1 {
            return Err(TemplateError::EachNotAlone);
        }
        Ok(Self(pieces))
    }

    /// Adds to `wanted` what this template needs of the claims.
    pub fn want(&self, wanted: &mut Wanted) {
        for piece in &self.0 {
            match piece {
                Piece::Groups(_) | Piece::EachGroup => wanted.all_groups(),
                Piece::Claim(path) => wanted.claim(path),
                _ => {}
            }
        }
    }

    /// Whether the value depends on that part of an identity.
    #[must_use]
    pub fn reads(&self, part: Part) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Email => part == Part::Email,
            Piece::Name => part == Part::Name,
            Piece::Groups(_) | Piece::EachGroup => part == Part::Groups,
            _ => false,
        })
    }

    /// The value or values for `identity`; nothing when a placeholder has no value. `session` is the short form of the
    /// session's id. `omitted` counts what is left out: groups that contain the separator, values with a space at an end.
    #[must_use]
    pub fn render(&self, identity: &Identity, session: &str, omitted: &mut u64) -> Vec<String> {
        if self.0 == [Piece::EachGroup] {
            return identity.groups().to_vec();
        }
        let mut out = String::new();
        for piece in &self.0 {
            let value = match piece {
                Piece::Literal(text) => Some(text.clone()),
                Piece::User => Some(identity.user().to_owned()),
                Piece::Email => identity.email().map(str::to_owned),
                Piece::Name => identity.name().map(str::to_owned),
                Piece::Subject => Some(identity.subject().to_owned()),
                Piece::Issuer => Some(identity.issuer().to_owned()),
                Piece::Groups(separator) => join(identity.groups(), separator, omitted),
                Piece::Claim(path) => {
                    identity.claim(path).and_then(|claim| join(claim.values(), ",", omitted))
                }
                Piece::Session => Some(session.to_owned()),
                Piece::EachGroup => None,
            };
            let is_literal = matches!(piece, Piece::Literal(_));
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                return Vec::new();
            };
            if !is_literal && !arrives_whole(&value) {
                *omitted += 1;
                return Vec::new();
            }
            out.push_str(&value);
        }
        if out.is_empty() { Vec::new() } else { vec![out] }
    }
}

impl Piece {
    fn parse(name: &str) -> Result<Self, TemplateError> {
        Ok(match name {
            "user" => Self::User,
            "email" => Self::Email,
            "name" => Self::Name,
            "sub" => Self::Subject,
            "issuer" => Self::Issuer,
            "groups" => Self::Groups(",".to_owned()),
            "groups*" => Self::EachGroup,
            "session" => Self::Session,
            _ => {
                let text = |text: &str| {
                    (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
                };
                let separator = name.strip_prefix("groups:").and_then(text).map(Self::Groups);
                let claim = name.strip_prefix("claim:").and_then(text).map(Self::Claim);
                separator.or(claim).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?
            }
        })
    }
}

/// Whether a value arrives as what it is. Header fields lose the space at their ends, and so do the members of a list in
/// many an application: "admin " would be taken for admin, by nobody's leave.
fn arrives_whole(value: &str) -> bool {
    !value.is_empty() && value.trim() == value
}

/// Joins `items`. One that contains the separator would read as two, one that ends with its beginning as another
/// (`a|` before `||`), and one with a space at its end too, so it is left out and counted.
fn join(items: &[String], separator: &str, omitted: &mut u64) -> Option<String> {
    let reads_as_itself =
        |item: &str| arrives_whole(item) && format!("{item}{separator}").find(separator) == Some(item.len());
    if let [only] = items
        && reads_as_itself(only)
    {
        return Some(only.clone());
    }
    let (fitting, forging): (Vec<_>, Vec<_>) =
        items.iter().map(String::as_str).partition(|item| reads_as_itself(item));
    *omitted += u64::try_from(forging.len()).unwrap_or(u64::MAX);
    (!fitting.is_empty()).then(|| fitting.join(separator))
}
