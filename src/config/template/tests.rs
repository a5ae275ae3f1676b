use super::*;

fn lookup(name: &str) -> Option<String> {
    let value = match name {
        "A" => "a",
        "B" => "b",
        "E" => "",
        "_x1" => "under",
        "D" => "$A",
        _ => return None,
    };
    Some(value.to_owned())
}

#[test]
fn variables_are_filled_in_by_composes_grammar() {
    for (text, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("$A", "a"),
        ("${A}", "a"),
        ("x$A-y", "xa-y"),
        ("$A$B", "ab"),
        ("${A}b", "ab"),
        ("$_x1", "under"),
        ("${_x1}", "under"),
        ("$E", ""),
        // Not expanded a second time.
        ("$D", "$A"),
        // Defaults.
        ("${A:-d}", "a"),
        ("${A-d}", "a"),
        ("${U:-d}", "d"),
        ("${U-d}", "d"),
        ("${E:-d}", "d"),
        ("${E-d}", ""),
        ("${U:-}", ""),
        ("${U-}", ""),
        // Alternatives.
        ("${A:+x}", "x"),
        ("${A+x}", "x"),
        ("${E:+x}", ""),
        ("${E+x}", "x"),
        ("${U:+x}", ""),
        ("${U+x}", ""),
        // Requirements that hold.
        ("${A:?no}", "a"),
        ("${A?no}", "a"),
        ("${E?no}", ""),
        // The first operator wins.
        ("${U-y:-z}", "y:-z"),
        ("${U:-a?b}", "a?b"),
        ("${U:--1}", "-1"),
        ("${U:-http://h:1/?q=1}", "http://h:1/?q=1"),
        // Nesting.
        ("${U:-${A}}", "a"),
        ("${U:-$A}", "a"),
        ("${U:-${V:-${B}}}", "b"),
        ("${U:-x${A}y${B}z}", "xaybz"),
        ("${A:+${B}}", "b"),
        ("${U:-$$A}", "$A"),
        // Branches that are not used are not looked at.
        ("${A:-${U}}", "a"),
        ("${A:-${U:?never}}", "a"),
        ("${U:+${V:?never}}", ""),
        // Literal dollars.
        ("$$", "$"),
        ("$$A", "$A"),
        ("$$${A}", "$a"),
        ("$$$$", "$$"),
        ("$${A}", "${A}"),
        ("$", "$"),
        ("a $ b", "a $ b"),
        ("^REGEX$", "^REGEX$"),
        ("$1", "$1"),
        ("$(id)", "$(id)"),
        ("$é", "$é"),
        ("cost: 5$", "cost: 5$"),
        // Braces that belong to nothing.
        ("{A}", "{A}"),
        ("${U:-{}", "{"),
        ("${U:-{\"k\": 1}}", "{\"k\": 1}"),
        ("}${A}{", "}a{"),
        ("é${A}é", "éaé"),
    ] {
        let expanded = expand(text, usize::MAX, &lookup);
        assert_eq!(expanded, Expanded { text: expected.to_owned(), problems: vec![] }, "{text}");
    }
}

#[test]
fn problems_say_what_and_where() {
    let unset = |name: &str| ProblemKind::Unset { name: name.to_owned() };
    let malformed = |written: &str| ProblemKind::Malformed { written: written.to_owned() };
    let required = |name: &str, empty, message: &str| ProblemKind::Required {
        name: name.to_owned(),
        empty,
        message: message.to_owned(),
    };
    for (text, range, kind) in [
        ("x $U", 2..4, unset("U")),
        ("x ${U} y", 2..6, unset("U")),
        ("${V:-${U}}", 5..9, unset("U")),
        ("${A:+$U}", 5..7, unset("U")),
        ("é ${U}", 3..7, unset("U")),
        ("$A_b", 0..4, unset("A_b")),
        ("${U:?}", 0..6, required("U", false, "")),
        ("${U?set U}", 0..10, required("U", false, "set U")),
        ("${E:?set E}", 0..11, required("E", true, "set E")),
        ("${U:?like $A}", 0..13, required("U", false, "like a")),
        ("${", 0..2, ProblemKind::Unclosed),
        ("a ${A", 2..5, ProblemKind::Unclosed),
        ("${A:-${B}", 0..9, ProblemKind::Unclosed),
        ("${}", 0..3, malformed("${}")),
        ("${ A}", 0..5, malformed("${ A}")),
        ("${A }", 0..5, malformed("${A }")),
        ("${A/a/b}", 0..8, malformed("${A/a/b}")),
        ("${A:}", 0..5, malformed("${A:}")),
        ("${A:=x}", 0..7, malformed("${A:=x}")),
        ("${1A}", 0..5, malformed("${1A}")),
        ("${-x}", 0..5, malformed("${-x}")),
        ("${é}", 0..5, malformed("${é}")),
        ("${Aé}", 0..6, malformed("${Aé}")),
        ("${A:é}", 0..7, malformed("${A:é}")),
    ] {
        assert_eq!(expand(text, usize::MAX, &lookup).problems, [Problem { range, kind }], "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = "${U:-".repeat(10_000) + &"}".repeat(10_000);
    let problems = expand(&deep, usize::MAX, &lookup).problems;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].kind, ProblemKind::TooDeep);
}

proptest::proptest! {
    #[test]
    fn any_text_can_be_expanded(text in "[$]{0,2}[{}A-E_:?+ \\-é$]{0,24}") {
        let expanded = expand(&text, usize::MAX, &lookup);
        for problem in expanded.problems {
            proptest::prop_assert!(text.get(problem.range).is_some());
        }
    }

    #[test]
    fn doubled_dollars_always_give_the_text_back(text in ".{0,40}") {
        let expanded = expand(&text.replace('$', "$$"), usize::MAX, &lookup);
        proptest::prop_assert_eq!(expanded, Expanded { text, problems: vec![] });
    }
}

#[test]
fn variables_fill_no_more_than_there_is_room_for() {
    let expanded = expand("a$LONG${LONG:-x}b", 6, &|_| Some("long".to_owned()));
    assert_eq!(expanded.text, "alongb");
    assert_eq!(expanded.problems, [Problem { range: 6..16, kind: ProblemKind::TooLong }]);
}

#[test]
fn the_variables_of_a_text_are_found() {
    let shown = |text: &str| -> Vec<String> {
        let one = |it: Reference<'_>| match it.operation {
            Some(operation) => format!(
                "{} {:?}{} `{}`",
                it.name,
                operation.operator,
                if operation.empty_counts_as_unset { " or empty" } else { "" },
                operation.operand
            ),
            None => format!("{} at {:?}", it.name, it.range),
        };
        references(text).into_iter().map(one).collect()
    };
    let cases: [(&str, &[&str]); 8] = [
        ("no variable", &[]),
        ("$A-${B}", &["A at 0..2", "B at 3..7"]),
        ("$$A $ $1 ${", &[]),
        ("${A:-b} ${A-b}", &["A Default or empty `b`", "A Default `b`"]),
        ("${A:-x${B:-y}}z", &["A Default or empty `x${B:-y}`"]),
        ("${A:+b}${A+b}", &["A Alternative or empty `b`", "A Alternative `b`"]),
        ("${A:?say it}${A?}", &["A Required or empty `say it`", "A Required ``"]),
        ("${}${-a}${A b}é$B", &["A at 8..14", "B at 16..18"]),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected, "{text}");
    }
}
