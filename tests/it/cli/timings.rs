//! The times of earlier runs.

use insta::assert_snapshot;

use super::{Place, WEB};

#[test]
fn timings_lists_runs_and_warns_of_what_got_slower() {
    let place = Place::with(WEB);
    assert_snapshot!(place.run(&["timings"]), @"
    err: no runs of project p are known yet
    exit code 0
    ");

    let folder = place.folder.path().join(".cache/devstack/timings");
    std::fs::create_dir_all(&folder).expect("a folder");
    let lines: String = [1200, 1250, 1190, 3100]
    .iter()
    .map(|ms| {
        format!(
            r#"{{"at":1795530130,"command":"up","total_ms":{},"services":{{"web":{{"ms":{ms},"from":"nothing"}}}}}}"#,
            ms + 100
        ) + "\n"
    })
    .collect();
    std::fs::write(folder.join("p.jsonl"), &lines).expect("a history");
    assert_snapshot!(place.run(&["timings"]), @"
    out: BEGAN (UTC)          COMMAND  TOOK  SLOWEST
    out: 2026-11-24 14:22:10  up       1.3s  web 1.2s
    out: 2026-11-24 14:22:10  up       1.3s  web 1.2s
    out: 2026-11-24 14:22:10  up       1.2s  web 1.1s
    out: 2026-11-24 14:22:10  up       3.2s  web 3.1s
    out:
    out: SERVICE  LAST  MEDIAN  LEAST  MOST  RUNS  BEGAN WITH
    out: web      3.1s  1.2s    1.1s   3.1s  4     nothing
    err: warning: web got slower: 3.1s, its median over 3 earlier runs is 1.2s
    exit code 0
    ");
    assert_snapshot!(place.run(&["timings", "-n", "1", "--format", "json"]), @r#"
    out: {"at":1795530130,"command":"up","total_ms":3200,"services":{"web":{"ms":3100,"from":"nothing"}}}
    err: warning: web got slower: 3.1s, its median over 3 earlier runs is 1.2s
    exit code 0
    "#);
    // Another project's history is no concern of this one's.
    assert_snapshot!(place.run(&["-p", "other", "timings"]), @"
    err: no runs of project other are known yet
    exit code 0
    ");
}
