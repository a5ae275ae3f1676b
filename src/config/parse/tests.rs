use super::*;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: "f.yaml".to_owned(), text: text.to_owned() })
}

/// One line of JSON-like text; tags in front.
fn show(node: &Node) -> String {
    let tag = node.tag.map_or(String::new(), |tag| format!("{} ", tag_name(tag)));
    let value = match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int { text, .. } | Value::Float { text, .. } => text.clone(),
        Value::String { text, plain: true } => format!("{text:?}"),
        Value::String { text, plain: false } => format!("q{text:?}"),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, entry)| format!("{key}: {}", show(&entry.node)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    };
    format!("{tag}{value}")
}

#[test]
fn text_becomes_trees() {
    for (text, expected) in [
        ("", ""),
        ("# nothing\n", ""),
        ("---\n", "null"),
        ("a: 1\nb: x\n", "{a: 1, b: \"x\"}"),
        ("a: 1\n---\nb: 2\n", "{a: 1} | {b: 2}"),
        ("a: 'x'\nb: \"y\"\nc: |\n  z\n", "{a: q\"x\", b: q\"y\", c: q\"z\\n\"}"),
        ("a:\nb: ~\n", "{a: null, b: null}"),
        ("a: [1, {b: 2}]\n", "{a: [1, {b: 2}]}"),
        ("80: a\ntrue: b\nTrue: c\n1.5: d\n", "{80: \"a\", true: \"b\", True: \"c\", 1.5: \"d\"}"),
        ("on: off\n", "{on: \"off\"}"),
        ("a: !!str 5\nb: !!null x\nc: !!int 5\nd: ! 5\n", "{a: q\"5\", b: null, c: 5, d: q\"5\"}"),
        ("a: !reset\nb: !override [1]\n", "{a: !reset null, b: !override [1]}"),
        ("a: !reset {b: c}\n", "{a: !reset {b: \"c\"}}"),
        // Anchors.
        ("a: &x 1\nb: *x\n", "{a: 1, b: 1}"),
        ("a: &x [1]\nb: [*x, *x]\n", "{a: [1], b: [[1], [1]]}"),
        ("a: &x !override [1]\nb: *x\n", "{a: !override [1], b: !override [1]}"),
        ("a: &x k\n*x : v\n", "{a: \"k\", k: \"v\"}"),
        // Merge keys: explicit keys win, before and after; the earlier mapping wins.
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n", "{a: {k: 1, l: 2}, b: {l: 2, k: 3}}"),
        ("a: &x {k: 1, l: 2}\nb: {k: 3, <<: *x}\n", "{a: {k: 1, l: 2}, b: {k: 3, l: 2}}"),
        (
            "a: &x {k: 1}\nb: &y {k: 2, l: 2}\nc: {<<: [*x, *y]}\n",
            "{a: {k: 1}, b: {k: 2, l: 2}, c: {k: 1, l: 2}}",
        ),
        (
            "a: &x {k: 1}\nb: &y {<<: *x, l: 2}\nc: {<<: *y}\n",
            "{a: {k: 1}, b: {k: 1, l: 2}, c: {k: 1, l: 2}}",
        ),
        ("a: {<<: {k: 1}}\n", "{a: {k: 1}}"),
        ("a: {<<: []}\n", "{a: {}}"),
        ("é: ü\nk: [ö]\n", "{é: \"ü\", k: [\"ö\"]}"),
        ("\u{feff}a: 1\r\nb: 2\r\n", "{a: 1, b: 2}"),
    ] {
        let documents = parse(&source(text)).map_err(|found| format!("{found:?}"));
        let shown: Vec<_> = documents.expect(text).iter().map(show).collect();
        assert_eq!(shown.join(" | "), expected, "{text}");
    }
}

#[test]
fn spans_are_the_bytes_that_were_written() {
    let text = "é: ü\r\nkey: [ä, 'b c']\nmap:\n  x: 1\n  y: {z: 2}\nlist:\n  - p\n  - q\nnone:\nanchor: &n !!str s\nlast: *n\n";
    let root = parse(&source(text)).expect("valid").remove(0);
    let written = |span: &Span| text[span.start..span.end].to_owned();
    let Value::Mapping(entries) = &root.value else { panic!("not a mapping") };
    let places: Vec<_> = entries
        .values()
        .map(|entry| (written(&entry.key_span), written(&entry.node.span)))
        .collect();
    let expected = [
        ("é", "ü"),
        ("key", "[ä, 'b c']"),
        ("map", "x: 1\n  y: {z: 2}"),
        ("list", "- p\n  - q"),
        ("none", ""),
        ("anchor", "&n !!str s"),
        ("last", "&n !!str s"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(places, expected);
    assert_eq!(written(&root.span), text.trim_end());
}

#[test]
fn all_duplicates_and_bad_keys_of_a_file_are_reported_with_both_places() {
    let found = parse(&source(
        "a: 1\nb: {c: 1, c: 2}\na: 3\n? [x]\n: y\n~: z\nx: !rest y\n<<: 5\nl: [!reset 1]\n",
    ))
    .expect_err("it is invalid");
    let lines: Vec<_> = found
        .0
        .iter()
        .map(|finding| {
            let at = |span: &Span| {
                let (line, column) = span.line_column();
                format!("{line}:{column}")
            };
            let places: Vec<_> = finding
                .primary
                .iter()
                .chain(&finding.secondary)
                .map(|label| at(&label.span))
                .collect();
            format!("{} {}", places.join(" "), finding.message)
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2:11 2:5 the key `c` is given twice",
            "4:3 a key must be text, not a list",
            "6:1 a key must be text, not nothing",
            "7:4 unknown tag `!rest`",
            "9:5 `!reset` has no effect on an item of a list",
            "3:1 1:1 the key `a` is given twice",
            "8:5 8:1 `<<` merges mappings, not a number",
        ]
    );
}

#[test]
fn syntax_errors_say_what_to_do() {
    for (text, place, message) in [
        ("a:\n\tb: 1\n", (2, 1), "a tab cannot indent YAML"),
        ("a:\n  b: 1\n \t c: 1\n", (3, 2), "a tab cannot indent YAML"),
        ("a: b: c\n", (1, 5), "a `:` does not belong here"),
        ("a: 1\n b: 2\n", (2, 3), "a `:` does not belong here"),
        ("a: \"x\nb: c\n", (1, 4), "this quoted text has no end"),
        ("a: {b: c\n", (1, 4), "this `{` mapping is not closed"),
        ("a: ]\n", (1, 4), "this bracket closes nothing"),
        ("a: @x\n", (1, 4), "a value cannot begin with `@`"),
        ("a: *x\n", (1, 4), "this alias names no anchor"),
        ("a: &x [*x]\n", (1, 8), "this alias is inside its own anchor"),
        ("a: \"\\q\"\n", (1, 4), "this text has an unknown `\\` escape"),
        ("- a\nb: c\n", (2, 1), "expected a list item here"),
    ] {
        let found = parse(&source(text)).expect_err(text);
        assert_eq!(found.0.len(), 1, "{text}");
        let span = &found.0[0].primary.as_ref().expect("it has a place").span;
        assert_eq!((span.line_column(), found.0[0].message.as_str()), (place, message), "{text}");
    }
}

#[test]
fn aliases_cannot_multiply_without_end() {
    let level = |level: usize| {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{items}]\n")
    };
    let first = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let nodes = first + &(1..9).map(level).collect::<Vec<_>>().concat();
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
    for bomb in [nodes, text] {
        let found = parse(&source(&bomb)).expect_err("it is a bomb");
        assert_eq!(found.0[0].message, "this file is too big once its aliases are followed");
    }
}

#[test]
fn depth_is_bounded() {
    let level = |level: usize| format!("a{level}: &a{level} [[*a{}]]\n", level - 1);
    let through_aliases = (1..100).map(level).collect::<Vec<_>>().concat();
    for deep in [
        "[".repeat(200),
        "- ".repeat(5000) + "x",
        "{a: ".repeat(200),
        "a0: &a0 x\n".to_owned() + &through_aliases,
    ] {
        let found = parse(&source(&deep)).expect_err("it is too deep");
        assert_eq!(found.0[0].message, "nested too deeply");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_places_inside_it(
        text in "([a-c]{1,2}|: |- |\\n|  |&a |\\*a|<<: |!reset |'|\"|\\[|\\]|\\{|\\}|, |# |\\||\\t|é|\\$\\{){0,30}"
    ) {
        if let Err(found) = parse(&source(&text)) {
            for finding in found.0 {
                let span = finding.primary.map(|label| label.span);
                proptest::prop_assert!(span.is_none_or(|span| text.get(span.start..span.end).is_some()));
            }
        }
    }
}
