//! Layers: which source of values wins. Today there is one, the file; those above it will be merged here.

use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::document::Document;

/// A file as a layer.
struct FileLayer<'a>(&'a Document);

impl Provider for FileLayer<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named("the configuration file")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.0.values.clone())]))
    }
}

/// The values of all layers as one tree.
///
/// A layer of ours cannot fail to be read; if one did, the tree would be empty, which is refused. figment's own message
/// is shown to nobody, since it may hold values.
pub(super) fn merge(document: &Document) -> Dict {
    match Figment::new().merge(FileLayer(document)).find_value("") {
        Ok(Value::Dict(_, values)) => values,
        _ => Dict::new(),
    }
}
