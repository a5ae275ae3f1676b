//! The variables that the files of a stack ask for, as `docker compose config --variables` tells
//! them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::node::{Node, Value};
use super::template::{Operator, references};

/// What the files say of a variable, all places that use it taken together. The names in JSON are
/// docker compose's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VariableUse {
    /// Its name.
    pub name: String,
    /// What stands for it when it is not set; the first that is not empty.
    pub default_value: String,
    /// What stands for it when it is set; the first that is not empty.
    pub presence_value: String,
    /// Whether nothing works without it.
    pub required: bool,
}

/// The variables of a tree that is not interpolated, those inside of defaults included.
#[must_use]
pub fn variable_uses(root: &Node) -> BTreeMap<String, VariableUse> {
    let mut uses = BTreeMap::new();
    collect(root, &mut uses);
    uses
}

fn collect(node: &Node, uses: &mut BTreeMap<String, VariableUse>) {
    match &node.value {
        Value::String { text, .. } => collect_text(text, uses),
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, uses)),
        Value::Mapping(entries) => {
            entries.values().for_each(|entry| collect(&entry.node, uses));
        }
        Value::Null | Value::Bool(_) | Value::Int { .. } | Value::Float { .. } => {}
    }
}

fn collect_text(text: &str, uses: &mut BTreeMap<String, VariableUse>) {
    for reference in references(text) {
        let known = uses.entry(reference.name.to_owned()).or_default();
        reference.name.clone_into(&mut known.name);
        let Some(operation) = reference.operation else { continue };
        let slot = match operation.operator {
            Operator::Default => &mut known.default_value,
            Operator::Alternative => &mut known.presence_value,
            // Its operand is a message.
            Operator::Required => {
                known.required = true;
                continue;
            }
        };
        if slot.is_empty() {
            operation.operand.clone_into(slot);
        }
        collect_text(operation.operand, uses);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::diagnostic::Source;
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn uses_of_a_variable_are_taken_together() {
        let text = "a: [$A, '${A:-one}', '${A:-two}']\nb: {$K: '${B:+x}${C?why}'}\nc: ${D-${E:-e}}";
        let source = Arc::new(Source { name: "f".to_owned(), text: text.to_owned() });
        let root = parse(&source).unwrap().remove(0);
        let shown: Vec<String> = variable_uses(&root)
            .into_values()
            .map(|it| {
                format!(
                    "{} {} `{}` `{}`",
                    it.name, it.required, it.default_value, it.presence_value
                )
            })
            .collect();
        let expected = [
            "A false `one` ``",
            "B false `` `x`",
            "C true `` ``",
            "D false `${E:-e}` ``",
            "E false `e` ``",
        ];
        assert_eq!(shown, expected);
    }
}
