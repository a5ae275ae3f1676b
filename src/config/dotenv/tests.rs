use super::*;

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source { name: ".env".to_owned(), text: text.to_owned() })
}

fn environment() -> Environment {
    Environment::from_process([
        ("OS".to_owned(), "linux".to_owned()),
        ("EMPTY".to_owned(), String::new()),
    ])
}

fn pairs(assignments: &[Assignment]) -> Vec<(&str, Option<&str>)> {
    assignments
        .iter()
        .map(|assignment| (assignment.name.as_str(), assignment.value.as_deref()))
        .collect()
}

#[test]
fn each_line_of_a_dotenv_file_is_an_assignment() {
    for (text, expected) in [
        ("", vec![]),
        ("\n\n# only a comment\n", vec![]),
        ("A=1", vec![("A", "1")]),
        ("A=1\nB=2\n", vec![("A", "1"), ("B", "2")]),
        ("A=1\r\nB=2\r\n", vec![("A", "1"), ("B", "2")]),
        ("\u{feff}A=1\n", vec![("A", "1")]),
        ("  A=1", vec![("A", "1")]),
        ("A = 1", vec![("A", "1")]),
        ("A=", vec![("A", "")]),
        ("A=   ", vec![("A", "")]),
        ("A=\nB=2", vec![("A", ""), ("B", "2")]),
        ("export A=1", vec![("A", "1")]),
        ("export\tA=1", vec![("A", "1")]),
        ("exported=1", vec![("exported", "1")]),
        ("export=1", vec![("export", "1")]),
        ("A: 1", vec![("A", "1")]),
        ("A: http://h:80", vec![("A", "http://h:80")]),
        ("A=http://h:80/?q=1", vec![("A", "http://h:80/?q=1")]),
        ("a.b-c[0]=1", vec![("a.b-c[0]", "1")]),
        // Comments.
        ("A=1 # one", vec![("A", "1")]),
        ("A=1\t# one", vec![("A", "1")]),
        ("A=1#one", vec![("A", "1#one")]),
        ("A=#one", vec![("A", "#one")]),
        ("A= # none", vec![("A", "")]),
        ("A=a b # c # d", vec![("A", "a b")]),
        ("A='x' # one", vec![("A", "x")]),
        ("A=\"x\"# one", vec![("A", "x")]),
        // Single quotes are raw.
        ("A='a # b'", vec![("A", "a # b")]),
        ("A='$OS ${OS}'", vec![("A", "$OS ${OS}")]),
        ("A='a\\nb'", vec![("A", "a\\nb")]),
        ("A='it\\'s'", vec![("A", "it's")]),
        ("A='one\ntwo'\nB=2", vec![("A", "one\ntwo"), ("B", "2")]),
        ("A=''", vec![("A", "")]),
        // Double quotes know escapes and variables.
        ("A=\"a # b\"", vec![("A", "a # b")]),
        ("A=\"a\\nb\\tc\\rd\"", vec![("A", "a\nb\tc\rd")]),
        ("A=\"say \\\"hi\\\"\"", vec![("A", "say \"hi\"")]),
        ("A=\"C:\\\\dir\"", vec![("A", "C:\\dir")]),
        ("A=\"\\d+\"", vec![("A", "\\d+")]),
        ("A=\"\\$OS\"", vec![("A", "$OS")]),
        ("A=\"$$OS\"", vec![("A", "$OS")]),
        ("A=\"on $OS\"", vec![("A", "on linux")]),
        ("A=\"it's\"", vec![("A", "it's")]),
        ("A=\"{\n  \\\"k\\\": 1\n}\"\nB=2", vec![("A", "{\n  \"k\": 1\n}"), ("B", "2")]),
        // Without quotes variables are filled in as well.
        ("A=$OS", vec![("A", "linux")]),
        ("A=${U:-d}", vec![("A", "d")]),
        ("A=${EMPTY:-d}", vec![("A", "d")]),
        ("A=1\nB=$A-$A", vec![("A", "1"), ("B", "1-1")]),
        ("A=1\nA=2\nB=$A", vec![("A", "1"), ("A", "2"), ("B", "2")]),
        // The process wins over the line above.
        ("OS=bsd\nB=$OS", vec![("OS", "bsd"), ("B", "linux")]),
        ("A=pa$$word", vec![("A", "pa$word")]),
        ("A=\"quote inside \\\"x\\\"\" # c", vec![("A", "quote inside \"x\"")]),
        ("A=x\"y\"", vec![("A", "x\"y\"")]),
        // A name alone is inherited.
        ("OS", vec![("OS", "linux")]),
        ("OS # as it is", vec![("OS", "linux")]),
        ("export OS", vec![("OS", "linux")]),
        ("A=é", vec![("A", "é")]),
    ] {
        let (assignments, findings) = parse(&source(text), &environment());
        let expected: Vec<_> =
            expected.into_iter().map(|(name, value)| (name, Some(value))).collect();
        assert_eq!(pairs(&assignments), expected, "{text}");
        assert_eq!(findings.0.len(), 0, "{text}: {findings:?}");
    }
}

#[test]
fn a_name_that_nobody_sets_has_no_value() {
    let (assignments, _) = parse(&source("U\nA=1"), &environment());
    assert_eq!(pairs(&assignments), [("U", None), ("A", Some("1"))]);
}

#[test]
fn earlier_files_can_be_used_and_are_overridden_by_the_own_lines() {
    let mut environment = environment();
    let (earlier, _) = parse(&source("A=early\nB=early"), &environment);
    environment.override_files(&earlier);
    let (assignments, _) = parse(&source("A=own\nC=$A $B"), &environment);
    assert_eq!(pairs(&assignments), [("A", Some("own")), ("C", Some("own early"))]);
}

#[test]
fn a_bad_line_is_reported_and_the_others_are_read() {
    for (text, message, place, read) in [
        ("A B=1\nC=3", "`A B` is not a name of a variable", 0..3, vec!["C"]),
        ("=1\nC=3", "a name is missing before the value", 0..1, vec!["C"]),
        ("some words\nC=3", "`some words` is not a name of a variable", 0..10, vec!["C"]),
        ("A=\"x\nC=3", "this quoted value has no end", 2..3, vec!["C"]),
        ("A='x\nC=3", "this quoted value has no end", 2..3, vec!["C"]),
        ("A='x'y\nC=3", "unexpected text after the closing quote", 5..6, vec!["C"]),
        ("A=${\nC=3", "this `${` has no `}`", 2..4, vec!["A", "C"]),
        ("A=${U:?need U}\nC=3", "required variable `U` is not set: need U", 2..14, vec!["A", "C"]),
        ("A=x$U\nC=3", "variable `U` is not set", 3..5, vec!["A", "C"]),
        ("A=\"\\n$U\"\nC=3", "variable `U` is not set", 5..7, vec!["A", "C"]),
        ("é€=1\nC=3", "`é€` is not a name of a variable", 0..5, vec!["C"]),
    ] {
        let (assignments, findings) = parse(&source(text), &environment());
        assert_eq!(findings.0.len(), 1, "{text}: {findings:?}");
        let finding = &findings.0[0];
        let span = &finding.primary.as_ref().expect("a line is wrong").span;
        assert_eq!((finding.message.as_str(), span.start..span.end), (message, place), "{text}");
        let names: Vec<_> = assignments.iter().map(|assignment| assignment.name.as_str()).collect();
        assert_eq!(names, read, "{text}");
    }
}

#[test]
fn the_raw_form_takes_every_line_as_it_is() {
    for (text, expected) in [
        ("A=1", vec![("A", Some("1"))]),
        ("A='x' # c\n", vec![("A", Some("'x' # c"))]),
        ("A=$OS\r\nB=\"\n", vec![("A", Some("$OS")), ("B", Some("\""))]),
        ("# c\n\n  A= 1 ", vec![("A", Some(" 1 "))]),
        ("A=b=c", vec![("A", Some("b=c"))]),
        ("OS\nU", vec![("OS", Some("linux")), ("U", None)]),
    ] {
        let (assignments, findings) = parse_raw(&source(text), &environment());
        assert_eq!(pairs(&assignments), expected, "{text}");
        assert_eq!(findings.0.len(), 0, "{text}");
    }
}

#[test]
fn a_raw_line_without_a_name_is_an_error() {
    let (assignments, findings) = parse_raw(&source("=1\nA B\nC=1"), &environment());
    let messages: Vec<_> = findings.0.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["a name is missing before the value", "`A B` is not a name of a variable"]
    );
    assert_eq!(pairs(&assignments), [("C", Some("1"))]);
}

proptest::proptest! {
    #[test]
    fn any_text_can_be_read(text in "[A-C=: #'\"$\\{}\\\\\\né]{0,60}") {
        let _ = parse(&source(&text), &environment());
        let _ = parse_raw(&source(&text), &environment());
    }
}
