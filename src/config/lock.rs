//! The images of a project and nothing else: a file to be merged over the others, so that no other
//! image is taken.

use serde_json::{Map, Value, json};
use serde_yaml::value::{Tag, TaggedValue};

use super::canonical::{Format, Secrets, double_dollars, print, value};
use crate::project::{Project, Service, ServiceName};

/// The file, and what it does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its text, with a final line break.
    pub text: String,
    /// Services whose `pre_start` hooks have images that the file does not name.
    pub without_hooks: Vec<ServiceName>,
}

/// Writes the images of a project's services, of their mounts and of their hooks. What is built
/// here has no image that could be named in advance.
///
/// Hooks can only be replaced as a whole. They are left out where that would write a secret, and
/// where the format has no `!override`.
#[must_use]
pub fn lock(project: &Project, format: Format) -> Lock {
    let [shown, redacted] =
        [Secrets::Shown, Secrets::Redacted].map(|secrets| value(project, secrets));
    let mut services = Map::new();
    let mut without_hooks = Vec::new();
    for service in project.services.values() {
        let of = |tree: &Value| tree["services"][service.name.as_str()].clone();
        let mut images = images(service, &of(&shown));
        if service.hook_images().next().is_some() {
            let hooks = of(&shown)["pre_start"].clone();
            if format == Format::Yaml && hooks == of(&redacted)["pre_start"] {
                images.insert("pre_start".to_owned(), hooks);
            } else {
                without_hooks.push(service.name.clone());
            }
        }
        if !images.is_empty() {
            services.insert(service.name.to_string(), Value::Object(images));
        }
    }
    let mut root = json!({ "services": services });
    double_dollars(&mut root);
    let text = match format {
        Format::Json => print(&root, format),
        Format::Yaml => replacing_hooks(&root),
    };
    Lock { text, without_hooks }
}

/// The image that a service runs and those that it mounts.
fn images(service: &Service, canonical: &Value) -> Map<String, Value> {
    let mut images = Map::new();
    if service.build.is_none() {
        images.insert("image".to_owned(), json!(service.image.as_str()));
    }
    let is_image = |mount: &&Value| mount["type"] == "image";
    let mounts = canonical["volumes"].as_array().into_iter().flatten();
    let mounts: Vec<Value> = mounts.filter(is_image).cloned().collect();
    if !mounts.is_empty() {
        images.insert("volumes".to_owned(), Value::Array(mounts));
    }
    images
}

/// YAML in which hooks replace those of the files below, to which a list would be added.
fn replacing_hooks(root: &Value) -> String {
    const WRITTEN: &str = "a tree of texts, numbers and mappings can be written";
    let mut root = serde_yaml::to_value(root).expect(WRITTEN);
    let services = root.get_mut("services").and_then(serde_yaml::Value::as_mapping_mut);
    for (_, service) in services.into_iter().flatten() {
        if let Some(hooks) = service.get_mut("pre_start") {
            let value = std::mem::take(hooks);
            let tagged = TaggedValue { tag: Tag::new("override"), value };
            *hooks = serde_yaml::Value::Tagged(Box::new(tagged));
        }
    }
    serde_yaml::to_string(&root).expect(WRITTEN)
}
