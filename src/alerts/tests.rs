//! The messages of each product, as its documentation or its source gives them.

use super::*;
use crate::core::ids::AlertSourceName;
use crate::core::text::redact::Redactor;
use crate::core::ticket::alert::AlertState;
use chrono::DateTime;
use serde_json::{Value, json};

type Brief<'a> = (&'a str, AlertState, &'a str, &'a str);

fn parsed(format: AlertFormat, body: &Value) -> Vec<UnredactedAlert> {
    parse(format, None, body.to_string().as_bytes()).unwrap()
}

fn brief(alert: &UnredactedAlert) -> Brief<'_> {
    (&alert.identity, alert.state, &alert.title, &alert.text)
}

fn label<'a>(alert: &'a UnredactedAlert, name: &str) -> Option<&'a str> {
    alert.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn alertmanager() {
    let body = json!({
        "receiver": "fieldmedic", "status": "firing", "version": "4", "truncatedAlerts": 0,
        "groupKey": "{}/{severity=\"critical\"}:{alertname=\"ProbeFailure\"}",
        "externalURL": "http://prometheus.example.org:9093",
        "groupLabels": { "alertname": "ProbeFailure" },
        "commonLabels": { "alertname": "ProbeFailure", "severity": "critical" }, "commonAnnotations": {},
        "alerts": [
            {
                "status": "firing",
                "labels": { "alertname": "ProbeFailure", "instance": "https://server.example.org", "job": "http_checks",
                            "severity": "critical" },
                "annotations": { "description": "It has been down for over 5m.\nJob: http_checks",
                                 "summary": "Probe failure: https://server.example.org",
                                 "runbook_url": "https://runbooks.example.org/1" },
                "startsAt": "2026-02-06T13:08:45.828Z", "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=probe_success+%3D%3D+0",
                "fingerprint": "1a30ba71cca2921f"
            },
            { "status": "resolved", "labels": { "alertname": "DiskFull" }, "annotations": {} }
        ]
    });
    let alerts = parsed(AlertFormat::Alertmanager, &body);
    let expect: [Brief<'_>; 2] = [
        (
            "1a30ba71cca2921f",
            AlertState::Firing,
            "Probe failure: https://server.example.org",
            "It has been down for over 5m.\nJob: http_checks",
        ),
        (r#"{"alertname":"DiskFull"}"#, AlertState::Resolved, "DiskFull", ""),
    ];
    assert_eq!(alerts.iter().map(brief).collect::<Vec<_>>(), expect);
    assert_eq!(label(&alerts[0], "instance"), Some("https://server.example.org"));
    assert_eq!(label(&alerts[0], "runbook"), Some("https://runbooks.example.org/1"));
}

#[test]
fn grafana_sends_what_alertmanager_sends() {
    let body = json!({
        "receiver": "My Super Webhook", "status": "firing", "orgId": 1,
        "alerts": [{
            "status": "firing",
            "labels": { "alertname": "High memory usage", "team": "blue", "zone": "us-1" },
            "annotations": { "description": "The system has high memory usage",
                             "summary": "This alert was triggered for zone us-1" },
            "startsAt": "2026-10-12T09:51:03.157076+02:00", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37", "silenceURL": "https://grafana.example.org/alerting/silence/new",
            "dashboardURL": "", "panelURL": "", "values": { "B": 44.2, "C": 1 }
        }],
        "groupLabels": {}, "commonLabels": { "team": "blue" }, "commonAnnotations": {},
        "externalURL": "https://grafana.example.org/", "version": "1", "groupKey": "{}:{}", "truncatedAlerts": 0,
        "title": "[FIRING:1]  (blue)", "state": "alerting", "message": "**Firing**"
    });
    let alerts = parsed(AlertFormat::Alertmanager, &body);
    assert_eq!(
        brief(&alerts[0]),
        (
            "c6eadffa33fcdf37",
            AlertState::Firing,
            "This alert was triggered for zone us-1",
            "The system has high memory usage",
        )
    );
    assert_eq!(label(&alerts[0], "zone"), Some("us-1"));
}

#[test]
fn uptime_kuma() {
    let body = |status: u8| {
        json!({
            "heartbeat": { "monitorID": 29, "status": status, "time": "2026-09-24 23:51:35.527",
                "msg": "getaddrinfo ENOTFOUND qfc.example.org", "important": true, "duration": 0,
                "timezone": "Europe/Zurich", "timezoneOffset": "+02:00", "localDateTime": "2026-09-25 01:51:35" },
            "monitor": { "id": 29, "name": "north", "description": null, "pathName": "Field / north", "parent": 3,
                "childrenIDs": [], "url": "https://qfc.example.org", "method": "GET", "hostname": null, "port": null,
                "maxretries": 0, "type": "http", "interval": 60, "accepted_statuscodes": ["200-299"],
                "notificationIDList": { "2": true },
                "tags": [{ "tag_id": 1, "name": "env", "value": "prod" }, { "tag_id": 2, "name": "web", "value": "" }] },
            "msg": "[north] [🔴 Down] getaddrinfo ENOTFOUND qfc.example.org"
        })
    };
    let alerts = parsed(AlertFormat::UptimeKuma, &body(0));
    let text = "getaddrinfo ENOTFOUND qfc.example.org";
    assert_eq!(brief(&alerts[0]), ("monitor 29", AlertState::Firing, "north is down", text));
    for (name, value) in
        [("monitor", "north"), ("url", "https://qfc.example.org"), ("env", "prod"), ("web", "web")]
    {
        assert_eq!(label(&alerts[0], name), Some(value));
    }
    assert_eq!(label(&alerts[0], "port"), None);
    assert_eq!(parsed(AlertFormat::UptimeKuma, &body(1))[0].state, AlertState::Resolved);
    // Pending, and maintenance; then a test.
    assert!(parsed(AlertFormat::UptimeKuma, &body(2)).is_empty());
    assert!(parsed(AlertFormat::UptimeKuma, &body(3)).is_empty());
    let test = json!({ "heartbeat": null, "monitor": null, "msg": "My Notification Alert (1) Testing" });
    assert!(parsed(AlertFormat::UptimeKuma, &test).is_empty());
}

#[test]
fn healthchecks() {
    let code = "c9f3c4b1-0d3c-4d5f-8b53-0a4fdca43ad2";
    let short =
        json!({ "code": code, "name": "Nightly \"backup\"", "status": "down", "tags": "north backup" });
    let alerts = parsed(AlertFormat::Healthchecks, &short);
    let identity = format!("check {code}");
    let title = "Nightly \"backup\" has not reported in time";
    assert_eq!(brief(&alerts[0]), (identity.as_str(), AlertState::Firing, title, ""));
    assert_eq!(label(&alerts[0], "tag"), Some("north"));
    // What $JSON stands for.
    let whole = json!({
        "name": "backup", "slug": "backup", "tags": "", "desc": "restic of north", "grace": 3600, "n_pings": 7,
        "status": "up", "started": false, "last_ping": "2026-03-04T05:00:00+00:00", "next_ping": null,
        "manual_resume": false, "methods": "", "uuid": code, "timeout": 86400
    });
    let alerts = parsed(AlertFormat::Healthchecks, &whole);
    assert_eq!((alerts[0].state, alerts[0].text.as_str()), (AlertState::Resolved, "restic of north"));
    assert_eq!(alerts[0].identity, identity, "both bodies are about the same check");
    for wrong in [json!({ "code": code, "status": "$STATUS" }), json!({ "status": "down" }), json!([])] {
        assert!(parse(AlertFormat::Healthchecks, None, wrong.to_string().as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn gatus() {
    let body = |status: &str, description: &str| {
        json!({ "name": "north", "group": "field", "url": "https://qfc.example.org/api/v1/status/",
                "status": status, "description": description, "errors": "[STATUS] (502) == 200" })
    };
    let alerts = parsed(AlertFormat::Gatus, &body("TRIGGERED", "healthcheck failed"));
    let text = "[STATUS] (502) == 200";
    assert_eq!(brief(&alerts[0]), ("endpoint field/north", AlertState::Firing, "healthcheck failed", text));
    let alerts = parsed(AlertFormat::Gatus, &body("RESOLVED", ""));
    assert_eq!((alerts[0].state, alerts[0].title.as_str()), (AlertState::Resolved, "north is unhealthy"));
    let unfilled = body("[ALERT_TRIGGERED_OR_RESOLVED]", "").to_string();
    assert!(parse(AlertFormat::Gatus, None, unfilled.as_bytes()).is_err());
}

#[test]
fn sentry() {
    let parsed = |resource: &str, body: &Value| {
        parse(AlertFormat::Sentry, Some(resource), body.to_string().as_bytes())
    };
    let actor = json!({ "id": "sentry", "name": "Sentry", "type": "application" });
    let installation = json!({ "uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de" });
    let event = json!({
        "action": "triggered", "actor": actor, "installation": installation,
        "data": { "triggered_rule": "Very Important Alert Rule!", "event": {
            "culprit": "?(<anonymous>)", "datetime": "2026-08-19T21:06:17.396000Z", "environment": "production",
            "event_id": "e4874d664c3540c1a32eab185f12c5ab", "issue_id": "1170820242", "level": "error", "project": 1,
            "title": "ReferenceError: blooopy is not defined",
            "web_url": "https://sentry.example.org/organizations/test-org/issues/1170820242/events/e4874d/" } }
    });
    let alerts = parsed("event_alert", &event).unwrap();
    assert_eq!(
        brief(&alerts[0]),
        ("issue 1170820242", AlertState::Firing, "ReferenceError: blooopy is not defined", "?(<anonymous>)",)
    );
    assert_eq!(label(&alerts[0], "environment"), Some("production"));

    let issue = |action: &str| {
        json!({ "action": action, "actor": actor, "installation": installation, "data": { "issue": {
            "id": "1170820242", "title": "ReferenceError: blooopy is not defined", "culprit": "?(<anonymous>)",
            "level": "error", "status": "resolved", "shortId": "FRONT-1",
            "web_url": "https://sentry.example.org/organizations/test-org/issues/1170820242/",
            "project": { "id": "1", "name": "front", "slug": "front", "platform": "" } } } })
    };
    for (action, state) in [
        ("created", AlertState::Firing),
        ("unresolved", AlertState::Firing),
        ("resolved", AlertState::Resolved),
        ("archived", AlertState::Resolved),
    ] {
        let about = parsed("issue", &issue(action)).unwrap();
        assert_eq!((about[0].identity.as_str(), about[0].state), ("issue 1170820242", state), "{action}");
    }

    let metric = |action: &str| {
        json!({ "action": action, "actor": actor, "installation": installation, "data": {
            "description_text": "1000 events in the last 10 minutes\nFilter: level:error",
            "description_title": "Resolved: Too many errors",
            "metric_alert": { "id": "4", "identifier": "4", "status": 20,
                "alert_rule": { "id": "7", "name": "Too many errors", "aggregate": "count()" } },
            "web_url": "https://sentry.example.org/organizations/test-org/alerts/4/" } })
    };
    let alerts = parsed("metric_alert", &metric("critical")).unwrap();
    let text = "1000 events in the last 10 minutes\nFilter: level:error";
    assert_eq!(brief(&alerts[0]), ("metric 7", AlertState::Firing, "Too many errors", text));
    assert_eq!(parsed("metric_alert", &metric("resolved")).unwrap()[0].state, AlertState::Resolved);

    assert!(parsed("issue", &issue("assigned")).unwrap().is_empty());
    assert!(parsed("installation", &json!({ "action": "created", "data": {} })).unwrap().is_empty());
    assert!(parsed("event_alert", &json!({ "action": "triggered", "data": {} })).is_err());
}

#[test]
fn anything_else() {
    let one = json!({ "id": "disk", "status": "firing", "title": "Disk\nfull", "labels": { "host": "qfc-1", "used": 97 } });
    let alerts = parsed(AlertFormat::Generic, &one);
    assert_eq!(brief(&alerts[0]), ("disk", AlertState::Firing, "Disk full", ""));
    assert_eq!(label(&alerts[0], "used"), Some("97"));
    assert_eq!(parsed(AlertFormat::Generic, &json!([one, one])).len(), 2);
    for wrong in [
        json!({ "id": "", "status": "firing", "title": "x" }),
        json!({ "id": "x", "title": "x" }),
        json!("x"),
    ] {
        assert!(parse(AlertFormat::Generic, None, wrong.to_string().as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn everything_has_a_bound() {
    let labels: serde_json::Map<String, Value> =
        (0..100).map(|number| (format!("{number:0>100}"), json!("x".repeat(1000)))).collect();
    let alert = json!({ "id": "x".repeat(10_000), "status": "firing", "title": "t".repeat(5000),
                        "text": "long ".repeat(2000), "labels": labels });
    let small = json!({ "id": "x", "status": "firing", "title": "t" });
    assert_eq!(parsed(AlertFormat::Generic, &json!(vec![small; 150])).len(), MAX_ALERTS + 1);
    let alert = parsed(AlertFormat::Generic, &alert).remove(0);
    let source = AlertSourceName::new("x").unwrap();
    let alert = alert.redact(&source, None, DateTime::UNIX_EPOCH, &Redactor::default());
    let size = serde_json::to_string(&alert).unwrap().len();
    assert!(size < 32 * 1024, "{size}");
    assert_eq!(alert.fingerprint.to_string().len(), 32);
}

#[test]
fn secrets_in_labels_are_masked() {
    let body = json!({ "id": "x", "status": "firing", "title": "x", "labels": { "db_password": "hunter2", "host": "qfc-1" } });
    let alert = parsed(AlertFormat::Generic, &body).remove(0);
    let source = AlertSourceName::new("x").unwrap();
    let alert = alert.redact(&source, None, DateTime::UNIX_EPOCH, &Redactor::default());
    let stored = serde_json::to_string(&alert).unwrap();
    assert!(!stored.contains("hunter2") && stored.contains("qfc-1"), "{stored}");
}

proptest::proptest! {
    #[test]
    fn no_body_is_too_strange(body in r#"([\[\]{}:,"a-z0-9é ]|"(alerts|status|id|data|monitor|heartbeat)":){0,60}"#) {
        for format in [
            AlertFormat::Alertmanager,
            AlertFormat::UptimeKuma,
            AlertFormat::Healthchecks,
            AlertFormat::Gatus,
            AlertFormat::Sentry,
            AlertFormat::Generic,
        ] {
            if let Ok(alerts) = parse(format, Some("issue"), body.as_bytes()) {
                proptest::prop_assert!(alerts.len() <= MAX_ALERTS + 1);
            }
        }
    }
}
