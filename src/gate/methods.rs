//! The methods that a route takes.

use std::fmt;

use http::Method;

/// All methods, or those of a list. Where GET is taken, HEAD is too: it asks for the head of the same answer (RFC 9110
/// section 9.3.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Methods(Option<Vec<Method>>);

impl Methods {
    /// Whatever comes.
    pub const ALL: Self = Self(None);

    /// Those of the list.
    #[must_use]
    pub fn of(mut listed: Vec<Method>) -> Self {
        if let Some(at) = listed.iter().position(|method| *method == Method::GET)
            && !listed.contains(&Method::HEAD)
        {
            listed.insert(at + 1, Method::HEAD);
        }
        Self(Some(listed))
    }

    /// Whether `method` is taken. Methods are compared as they are, in their case (RFC 9110 section 9.1).
    #[must_use]
    pub fn takes(&self, method: &Method) -> bool {
        self.0.as_ref().is_none_or(|listed| listed.contains(method))
    }

    /// Whether a list was written.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// The methods of the list; none when all are taken.
    #[must_use]
    pub fn listed(&self) -> &[Method] {
        self.0.as_deref().unwrap_or_default()
    }

    /// A method that both take; none when there is no such.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<Method> {
        match (&self.0, &other.0) {
            (None, None) => Some(Method::GET),
            (Some(listed), _) => listed.iter().find(|method| other.takes(method)).cloned(),
            (None, Some(listed)) => listed.first().cloned(),
        }
    }
}

/// For people: `GET HEAD`, or `all`.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("all"),
            Some(listed) => f.write_str(&listed.iter().map(Method::as_str).collect::<Vec<_>>().join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::Methods;

    #[test]
    fn get_brings_head_along_and_nothing_else_does() {
        let get = Methods::of(vec![Method::GET]);
        assert!(get.takes(&Method::HEAD) && !get.takes(&Method::POST) && !get.takes(&Method::OPTIONS));
        assert!(!Methods::of(vec![Method::POST]).takes(&Method::HEAD));
        let lower = Method::from_bytes(b"get").expect("a token");
        assert!(!get.takes(&lower), "methods have a case");
        assert!(Methods::ALL.takes(&lower));
        assert_eq!(get.common(&Methods::of(vec![Method::HEAD])), Some(Method::HEAD));
        assert_eq!(get.common(&Methods::of(vec![Method::POST])), None);
        assert!(get.common(&Methods::ALL).is_some() && Methods::ALL.common(&get).is_some());
        assert_eq!((get.to_string().as_str(), Methods::ALL.to_string().as_str()), ("GET HEAD", "all"));
    }
}
