use std::sync::Arc;

use super::super::diagnostic::Source;
use super::super::parse::parse;
use super::*;

fn environment() -> Environment {
    Environment::from_process(
        [
            ("A", "a"),
            ("N", "80"),
            ("V", "1.10"),
            ("T", "true"),
            ("YES", "True"),
            ("E", ""),
            ("NIL", "null"),
            ("DATABASE_URL", "db"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    )
}

fn interpolated(text: &str) -> (Node, Diagnostics) {
    let source = Arc::new(Source { name: "f.yaml".to_owned(), text: text.to_owned() });
    let mut root = parse(&source).expect("the text is valid").remove(0);
    let mut diagnostics = Diagnostics::default();
    interpolate(&mut root, &environment(), &mut diagnostics);
    (root, diagnostics)
}

#[test]
fn a_plain_value_is_read_again_and_a_quoted_one_is_not() {
    let string = |text: &str, plain| Value::String { text: text.to_owned(), plain };
    let int = |value, text: &str| Value::Int { value, text: text.to_owned() };
    for (written, expected) in [
        ("$N", int(80, "80")),
        ("${U:-0o17}", int(0o17, "0o17")),
        ("\"$N\"", string("80", false)),
        ("'$N'", string("80", false)),
        ("$N:$N", string("80:80", true)),
        ("8${N}", int(880, "880")),
        ("$V", Value::Float { value: 1.1, text: "1.10".to_owned() }),
        ("$T", Value::Bool(true)),
        ("\"$T\"", string("true", false)),
        // The text of a variable stays what it was.
        ("$YES", string("True", true)),
        ("$E", string("", true)),
        ("$NIL", string("null", true)),
        ("${U:-~}", string("~", true)),
        ("$$N", string("$N", true)),
        ("a $ b", string("a $ b", true)),
        ("80", int(80, "80")),
        ("|\n  $A\n  $N\n", string("a\n80\n", false)),
    ] {
        let (root, diagnostics) = interpolated(&format!("k: {written}\n"));
        assert_eq!(root.get("k").map(|entry| &entry.node.value), Some(&expected), "{written}");
        assert_eq!(diagnostics.0.len(), 0, "{written}");
    }
}

#[test]
fn keys_are_never_interpolated() {
    let (root, _) = interpolated("$A: [$A, {$A: $A}]\n");
    let Some(entry) = root.get("$A") else { panic!("the key has changed") };
    let Value::Sequence(items) = &entry.node.value else { panic!("the list has changed") };
    assert_eq!(items[0].scalar_text(), Some("a"));
    assert_eq!(items[1].get("$A").and_then(|entry| entry.node.scalar_text()), Some("a"));
}

#[test]
fn findings_point_at_the_very_characters() {
    for (text, expected) in [
        ("k: x $U y\n", "$U"),
        ("k: 'x ${U}'\n", "${U}"),
        ("k: \"x ${U:?no}\"\n", "${U:?no}"),
        ("k: |\n  x\n  ${\n", "${\n"),
        ("k: &anchor !!str x${ }\n", "${ }"),
        ("k: \"\\t$U\"\n", "$U"),
        ("k: 'it''s $U'\n", "$U"),
        ("k: 'it''s $U, $U'\n", "'it''s $U, $U'"),
    ] {
        let (_, diagnostics) = interpolated(text);
        let span = &diagnostics.0[0].primary.as_ref().expect("it has a place").span;
        assert_eq!(&span.source.text[span.start..span.end], expected, "{text}");
    }
}

#[test]
fn a_variable_is_warned_about_once_and_errors_are_all_reported() {
    let (_, diagnostics) = interpolated(
        "a: $U\nb: [$U, $OTHER]\nc: ${A:-$UNUSED}\nd: &d ${U:?1}\ne: *d\nf: ${U:?2}\n",
    );
    let messages: Vec<_> = diagnostics.0.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "variable `U` is not set",
            "variable `OTHER` is not set",
            "required variable `U` is not set: 1",
            "required variable `U` is not set: 2",
        ]
    );
}

#[test]
fn a_mistyped_variable_is_recognised() {
    let (_, diagnostics) = interpolated("a: $DATABSE_URL\n");
    assert_eq!(
        diagnostics.0[0].help.last().map(String::as_str),
        Some("did you mean `DATABASE_URL`?")
    );
}
