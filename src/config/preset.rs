//! The presets that come with devstack: the files of `templates/presets`, as they were at build
//! time. What a preset means is not decided here.

use std::sync::{Arc, LazyLock};

use super::diagnostic::Source;

/// The names, in the order in which they are listed.
const NAMES: [&str; 6] = ["postgres", "redis", "meilisearch", "rabbitmq", "kong", "nestjs"];

/// The texts, in the order of the names.
const TEXTS: [&str; NAMES.len()] = [
    include_str!("../../templates/presets/postgres.yaml"),
    include_str!("../../templates/presets/redis.yaml"),
    include_str!("../../templates/presets/meilisearch.yaml"),
    include_str!("../../templates/presets/rabbitmq.yaml"),
    include_str!("../../templates/presets/kong.yaml"),
    include_str!("../../templates/presets/nestjs.yaml"),
];

/// One source per preset for the whole run, so that places in it compare equal.
static SOURCES: LazyLock<[Arc<Source>; NAMES.len()]> = LazyLock::new(|| {
    std::array::from_fn(|index| {
        let name = format!("<preset {}>", NAMES[index]);
        Arc::new(Source { name, text: TEXTS[index].to_owned() })
    })
});

/// The file of a preset; `None` when there is none of that name.
#[must_use]
pub fn source(name: &str) -> Option<Arc<Source>> {
    let index = NAMES.iter().position(|known| *known == name)?;
    Some(Arc::clone(&SOURCES[index]))
}

/// Whether a text is a preset's, not the user's.
#[must_use]
pub fn owns(source: &Source) -> bool {
    SOURCES.iter().any(|preset| preset.name == source.name)
}

/// The names of all presets.
#[must_use]
pub const fn names() -> &'static [&'static str] {
    &NAMES
}
