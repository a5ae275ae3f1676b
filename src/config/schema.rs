//! The JSON schema of `devstack.yaml`, for editors. What the typed layer reads is held against it
//! by a test, key by key.

/// The schema, JSON Schema 2020-12.
pub const TEXT: &str = include_str!("../../templates/schema/devstack.json");
