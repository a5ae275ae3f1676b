use super::super::fixture::*;
use super::*;
use crate::event::BuildStepState;

#[test]
fn each_event_is_one_object_on_a_line() {
    let (db, postgres) = (container("db"), image("postgres:17", &["db"]));
    let events = [
        planned(
            &[(&network("data"), &[Action::Create]), (&postgres, &[Action::Pull])],
            std::slice::from_ref(&db),
        ),
        started(&postgres, Action::Pull, "missing"),
        layer(&postgres, "a1", "Downloading", 5, 10),
        layer(&postgres, "a1", "Extracting", 5, 0),
        build(&postgres, 3, "[1/1] RUN x", BuildStepState::Running),
        build(&postgres, 3, "[1/1] RUN x", BuildStepState::Done(ms(70))),
        output(&postgres, 3, "a\nb"),
        blocked(&db, "waiting for image"),
        listening(&db),
        probe(&db, "starting up"),
        finished(&db, Action::Await, 1100),
        failed(&db, Action::Await, "exited (1)"),
        Event::Warning("careful".to_owned()),
        Event::Cancelling,
    ];
    let mut out = Vec::new();
    let mut json = Box::new(Json::new(&mut out, OffsetDateTime::UNIX_EPOCH));
    for (n, event) in (0..).zip(&events) {
        json.report(event, ms(n * 1250));
    }
    json.finish(ms(0));
    let out = String::from_utf8(out).unwrap();
    assert_eq!(out.lines().count(), events.len());
    insta::assert_snapshot!(out, @r#"
    {"time":"1970-01-01T00:00:00Z","elapsed_ms":0,"type":"plan","steps":[{"kind":"network","id":"shop_data","action":"create"},{"kind":"image","id":"postgres:17","services":["db"],"action":"pull"}],"unchanged":[{"kind":"container","id":"shop-db-1","service":"db"}]}
    {"time":"1970-01-01T00:00:01.25Z","elapsed_ms":1250,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"pull","status":"started","reason":"missing"}
    {"time":"1970-01-01T00:00:02.5Z","elapsed_ms":2500,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"pull","status":"progress","layer":{"id":"a1","state":"Downloading","current":5,"total":10}}
    {"time":"1970-01-01T00:00:03.75Z","elapsed_ms":3750,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"pull","status":"progress","layer":{"id":"a1","state":"Extracting","current":5}}
    {"time":"1970-01-01T00:00:05Z","elapsed_ms":5000,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"build","status":"progress","build":{"step":3,"name":"[1/1] RUN x","state":"running"}}
    {"time":"1970-01-01T00:00:06.25Z","elapsed_ms":6250,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"build","status":"progress","build":{"step":3,"name":"[1/1] RUN x","state":"done","elapsed_ms":70}}
    {"time":"1970-01-01T00:00:07.5Z","elapsed_ms":7500,"type":"step","kind":"image","id":"postgres:17","services":["db"],"action":"build","status":"progress","output":{"step":3,"line":"a\nb"}}
    {"time":"1970-01-01T00:00:08.75Z","elapsed_ms":8750,"type":"step","kind":"container","id":"shop-db-1","service":"db","status":"blocked","reason":"waiting for image"}
    {"time":"1970-01-01T00:00:10Z","elapsed_ms":10000,"type":"step","kind":"container","id":"shop-db-1","service":"db","action":"await","status":"progress","listening":true}
    {"time":"1970-01-01T00:00:11.25Z","elapsed_ms":11250,"type":"step","kind":"container","id":"shop-db-1","service":"db","action":"await","status":"progress","probe":{"state":"starting up"}}
    {"time":"1970-01-01T00:00:12.5Z","elapsed_ms":12500,"type":"step","kind":"container","id":"shop-db-1","service":"db","action":"await","status":"finished","step_elapsed_ms":1100}
    {"time":"1970-01-01T00:00:13.75Z","elapsed_ms":13750,"type":"step","kind":"container","id":"shop-db-1","service":"db","action":"await","status":"failed","reason":"exited (1)"}
    {"time":"1970-01-01T00:00:15Z","elapsed_ms":15000,"type":"warning","text":"careful"}
    {"time":"1970-01-01T00:00:16.25Z","elapsed_ms":16250,"type":"cancelling"}
    "#);
}

#[test]
fn timings_are_one_object_too() {
    let recording = crate::timing::fixture::stack();
    let text = timings_object(&recording, OffsetDateTime::UNIX_EPOCH, ms(5600));
    insta::assert_snapshot!(text.replace("},{", "},\n{"), @r#"
    {"time":"1970-01-01T00:00:05.6Z","elapsed_ms":5600,"type":"timings","advice":"api waited 3.7s for mq; mq's own boot was 3.8s","spans":[{"kind":"network","id":"shop_data","action":"create","begun_ms":20,"ended_ms":100,"critical":true,"failed":false},
    {"kind":"container","id":"shop-db-1","service":"db","action":"create","begun_ms":100,"ended_ms":140,"critical":false,"failed":false},
    {"kind":"container","id":"shop-db-1","service":"db","action":"start","begun_ms":140,"ended_ms":240,"critical":false,"failed":false},
    {"kind":"container","id":"shop-db-1","service":"db","action":"await","begun_ms":240,"ended_ms":1100,"critical":false,"failed":false},
    {"kind":"container","id":"shop-mq-1","service":"mq","action":"create","begun_ms":100,"ended_ms":150,"critical":true,"failed":false},
    {"kind":"container","id":"shop-mq-1","service":"mq","action":"start","begun_ms":150,"ended_ms":250,"critical":true,"failed":false},
    {"kind":"container","id":"shop-mq-1","service":"mq","action":"await","begun_ms":250,"ended_ms":3950,"critical":true,"failed":false},
    {"kind":"container","id":"shop-api-1","service":"api","action":"create","begun_ms":100,"ended_ms":160,"critical":false,"failed":false},
    {"kind":"container","id":"shop-api-1","service":"api","action":"start","begun_ms":3950,"ended_ms":4050,"critical":true,"failed":false},
    {"kind":"container","id":"shop-api-1","service":"api","action":"await","begun_ms":4050,"ended_ms":5550,"critical":true,"failed":false}]}
    "#);
}
