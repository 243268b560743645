//! How terms stand to each other, whoever comes: by this the configuration finds those that decide nothing.
//!
//! A person has one name, one address and one provider, but may have any number of groups and values of a claim.

use super::term::{Term, split_address};

impl Term {
    /// Whether wherever this term holds, `other` holds too.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Everyone) => true,
            (own, Self::SignedIn) => own.is_about_people(),
            (Self::Email(address), Self::Domain(name)) => {
                split_address(address).is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(name))
            }
            (Self::Network(own), Self::Network(other)) => other.contains(own),
            _ => self.is_same(other),
        }
    }

    /// Whether there is nobody for whom this term and `other` both hold.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::User(_), Self::User(_))
            | (Self::Email(_), Self::Email(_))
            | (Self::Domain(_), Self::Domain(_))
            | (Self::Provider(_), Self::Provider(_)) => !self.is_same(other),
            (Self::Email(_), Self::Domain(_)) => !self.implies(other),
            (Self::Domain(_), Self::Email(_)) => !other.implies(self),
            (Self::Network(own), Self::Network(other)) => !own.contains(other) && !other.contains(own),
            _ => false,
        }
    }

    /// Whether both say the same, though perhaps in another case.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Domain(own), Self::Domain(other)) => own.eq_ignore_ascii_case(other),
            (Self::Email(own), Self::Email(other)) => match (split_address(own), split_address(other)) {
                (Some(own), Some(other)) => own.0 == other.0 && own.1.eq_ignore_ascii_case(other.1),
                _ => own == other,
            },
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::super::Term;

    fn term(text: &str) -> Term {
        Term::from_str(text).expect(text)
    }

    #[test]
    fn terms_imply_and_exclude_each_other_as_people_are() {
        for (a, b) in [
            ("user:a", "user:a"),
            ("user:a", "signed-in"),
            ("network:10.0.0.0/8", "everyone"),
            ("email:a@x.example", "domain:X.example"),
            ("email:a@x.example", "email:a@X.EXAMPLE"),
            ("network:10.1.0.0/16", "network:10.0.0.0/8"),
            ("network:10.1.2.3", "network:10.1.2.3/32"),
        ] {
            assert!(term(a).implies(&term(b)), "{a} {b}");
            assert!(!term(a).excludes(&term(b)), "{a} {b}");
        }
        for (a, b) in [
            ("everyone", "signed-in"),
            ("network:10.0.0.0/8", "signed-in"),
            ("network:10.0.0.0/8", "network:10.1.0.0/16"),
            ("network:10.0.0.0/8", "network:::/0"),
            ("group:a", "group:b"),
            ("domain:x.example", "email:a@x.example"),
        ] {
            assert!(!term(a).implies(&term(b)), "{a} {b}");
        }
        for (a, b) in [
            ("user:a", "user:b"),
            ("email:a@x.example", "domain:y.example"),
            ("domain:y.example", "email:a@x.example"),
            ("email:a@x.example", "email:b@x.example"),
            ("provider:a", "provider:b"),
            ("network:10.0.0.0/8", "network:192.168.0.0/16"),
            ("network:10.0.0.0/8", "network:fd00::/8"),
        ] {
            assert!(term(a).excludes(&term(b)) && term(b).excludes(&term(a)), "{a} {b}");
        }
        for (a, b) in [("group:a", "group:b"), ("claim:x=1", "claim:x=2"), ("user:a", "group:b")] {
            assert!(!term(a).excludes(&term(b)), "{a} {b}");
        }
    }
}
