//! Files that were made to be hostile, and whatever the fuzzer has found: each is answered, soon
//! and without a crash. What it is answered with is the business of other tests.

#[path = "../fuzz/exercise.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets use it from outside of their library")]
mod exercise;

use std::fmt::Write as _;
use std::path::Path;

fn corpus(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).expect("the corpus is there");
    let paths = files.map(|entry| entry.expect("a readable entry").path());
    paths.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

#[test]
fn the_corpus_of_the_loader_is_answered() {
    let corpus = corpus("loader");
    assert!(corpus.len() > 50, "{} texts", corpus.len());
    for text in corpus {
        exercise::loader(&text);
    }
}

#[test]
fn the_corpus_of_dotenv_is_answered() {
    let corpus = corpus("dotenv");
    assert!(corpus.len() > 20, "{} texts", corpus.len());
    for text in corpus {
        exercise::dotenv(&text);
    }
}

/// A text of many parts.
fn many(before: &str, part: &str, times: usize, after: &str) -> String {
    format!("{before}{}{after}", part.repeat(times))
}

/// A text of numbered parts.
fn numbered(before: &str, times: usize, part: impl Fn(usize) -> String) -> String {
    let parts: String = (0..times).map(part).collect();
    format!("{before}{parts}")
}

/// A stack with a long value.
fn value(key: &str, value: &str) -> String {
    format!("services:\n  a:\n    image: a\n    {key}: {value}\n")
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("[[{a: ", "}]]"), ("- ", ""), ("? ", "")] {
        for times in [200, 20_000] {
            let text = format!("x-a:\n  {}{}\n", open.repeat(times), close.repeat(times));
            exercise::loader(&(text + "services: {a: {image: a}}\n"));
        }
    }
    let indented = (0..2_000).fold("x-a:\n".to_owned(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level + 1)).expect("a string takes all");
        text
    });
    exercise::loader(&indented);
    for pattern in ["${A:-", "${A-$", "${A:+${", "{address:"] {
        exercise::loader(&value("command", &format!("'{}'", pattern.repeat(20_000))));
        exercise::dotenv(&format!("A=\"{}\"", pattern.repeat(20_000)));
    }
    let ignore = format!(
        "{{watch: [{{path: ., action: sync, target: /a, ignore: ['{}']}}]}}",
        "{".repeat(5_000)
    );
    exercise::loader(&value("develop", &ignore));
}

#[test]
fn what_multiplies_itself_is_refused() {
    let aliases =
        numbered("x-0: &a0 [1, 1]\n", 40, |n| format!("x-{}: &a{} [*a{n}, *a{n}]\n", n + 1, n + 1));
    exercise::loader(&(aliases + "services: {a: {image: a}}\n"));
    let merges = numbered("x-0: &a0 {k0: 1}\n", 300, |n| {
        format!("x-{}: &a{} {{<<: *a{n}, k{}: 1}}\n", n + 1, n + 1, n + 1)
    });
    exercise::loader(&(merges + "services: {a: {image: a}}\n"));
    let variables = numbered("V0=0123456789\n", 60, |n| format!("V{}=$V{n}$V{n}\n", n + 1));
    exercise::dotenv(&variables);
    exercise::loader(&format!(
        "services: {{a: {{image: a, command: '${{V60}}'}}}}\n%%\n{variables}"
    ));
    let used = many("services:\n  a:\n    image: a\n    command:\n", "      - $LONG\n", 20_000, "");
    exercise::loader(&format!("{used}%%\nLONG={}\n", "x".repeat(200_000)));
    exercise::loader(
        "include: [other.yaml]\nservices: {a: {image: a}}\n%%\n\n%%\ninclude: [other.yaml]\n",
    );
    exercise::loader(&value("ports", "[1-65535, 1-65535/udp, '1-65535:1-65535']"));
    exercise::loader(&value("scale", "4294967295"));
    let repeated =
        many("services:\n  a:\n    image: a\n    ports:\n", "      - 1-65535\n", 2_000, "");
    exercise::loader(&repeated);
}

#[test]
fn long_chains_are_followed_or_refused() {
    let chain = |last: &str| {
        numbered("services:\n", 5_000, |n| format!("  s{n}: {{image: a, extends: s{}}}\n", n + 1))
            + last
    };
    exercise::loader(&chain("  s5000: {image: a}\n"));
    exercise::loader(&chain("  s5000: {image: a, extends: s0}\n"));
    let waiting = |last: &str| {
        numbered("services:\n", 5_000, |n| {
            format!("  s{n}: {{image: a, depends_on: [s{}]}}\n", n + 1)
        }) + last
    };
    exercise::loader(&waiting("  s5000: {image: a}\n"));
    exercise::loader(&waiting("  s5000: {image: a, depends_on: [s0]}\n"));
}

#[test]
fn many_mistakes_are_answered_soon() {
    let stack = "services:\n  a:\n    image: a\n";
    for text in [
        numbered(stack, 5_000, |n| format!("    key{n}: 1\n")),
        numbered("services:\n", 5_000, |n| format!("  s{n}: {{image: a, depends_on: [t{n}]}}\n")),
        numbered("services:\n  a:\n    image: a\n    environment:\n", 5_000, |n| {
            format!("      A{n}: $B{n}\n")
        }),
        numbered("services:\n  a:\n    image: a\n    environment:\n", 5_000, |n| {
            format!("      A{n}: ${{B{n}?}}\n")
        }),
        numbered("services:\n", 5_000, |n| {
            format!("  s{n}: {{image: a, ports: ['8080:{}']}}\n", n + 1)
        }),
        many("services:\n  a: {image: a}\n", "  a: {image: a}\n", 5_000, ""),
        many("services:\n  a:\n    image: a\n    command: |\n", "      $A ${B} ${\n", 20_000, ""),
        value("command", &format!("'{}'", "$A ".repeat(50_000))),
        value(&"x".repeat(100_000), "1"),
        value("image", &"a/".repeat(50_000)),
        value("environment", &format!("[{}]", "A=$B, ".repeat(10_000))),
        many("", "%%%%\n", 20_000, ""),
        many("", "---\n", 20_000, ""),
        many("", "&a *a ", 20_000, ""),
        many("", "\"", 50_001, ""),
        many("", "? ", 50_000, ""),
        many("", ": ", 50_000, ""),
        many("", "- : ? ", 20_000, ""),
        many("", "!!str ", 20_000, ""),
        many("", "[\n", 5_000, ""),
        many("a: \"", "\\x41", 50_000, "\""),
        many("a: >\n", "  \n", 50_000, ""),
        many("a: '", "\n", 50_000, "'"),
        many("a", " b", 50_000, ": c"),
        many("", "é", 50_000, ": c"),
    ] {
        exercise::loader(&text);
    }
}

#[test]
fn long_files_of_variables_are_read_soon() {
    for text in [
        numbered("", 50_000, |n| format!("A{n}=$A{}\n", n.saturating_sub(1))),
        many("", "A='\n", 50_000, ""),
        many("", "A=\"\n", 50_001, ""),
        many("", "A=\"b\" c\n", 5_000, ""),
        many("", "not a name\n", 5_000, ""),
        many("", "A=$B\n", 20_000, ""),
        many("A=", "${", 50_000, "\n"),
        many("A=", "#", 50_000, "\n"),
        many("A=\"", "\\", 50_001, "\"\n"),
        many("", "export ", 50_000, "\n"),
        many("", "\u{feff}", 50_000, ""),
    ] {
        exercise::dotenv(&text);
    }
}
