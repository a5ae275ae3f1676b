//! What the engine announces about a project, for a person or a program to read. Waits use
//! [`super::ContainerEvent`], which says less and nothing about the past.

use std::collections::HashMap;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use indexmap::IndexMap;
use time::OffsetDateTime;

use super::DockerEngine;
use super::error::EngineError;
use crate::project::ProjectName;
use crate::state::labels;

/// Something that happened to a resource of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// When.
    pub at: OffsetDateTime,
    /// `container`, `network`, `volume` or `image`.
    pub kind: String,
    /// What, such as `start`, `die` or `health_status: healthy`.
    pub action: String,
    /// The resource's id.
    pub id: String,
    /// The service that it is labelled with.
    pub service: Option<String>,
    /// What else the engine says, such as `name`, `image` and `exitCode`; labels left out.
    pub attributes: IndexMap<String, String>,
}

impl DockerEngine {
    /// What happens to the project's resources from `since` (now, when it is absent) to `until`
    /// (without end); times in Unix seconds.
    #[must_use]
    pub fn announcements(
        &self,
        project: &ProjectName,
        since: Option<i64>,
        until: Option<i64>,
    ) -> BoxStream<'static, Result<Announcement, EngineError>> {
        let label = format!("{}={project}", labels::PROJECT);
        let filters = HashMap::from([("label", vec![label.as_str()])]);
        let mut options = EventsOptionsBuilder::default().filters(&filters);
        let (since, until) = (since.map(|at| at.to_string()), until.map(|at| at.to_string()));
        if let Some(since) = &since {
            options = options.since(since);
        }
        if let Some(until) = &until {
            options = options.until(until);
        }
        let engine = self.clone();
        self.docker
            .events(Some(options.build()))
            .filter_map(move |event| {
                let announced = match event {
                    Ok(event) => announcement(event).map(Ok),
                    Err(error) => {
                        Some(Err(engine.error("follow the events of", "the Docker Engine", &error)))
                    }
                };
                std::future::ready(announced)
            })
            .boxed()
    }
}

fn announcement(event: EventMessage) -> Option<Announcement> {
    let actor = event.actor?;
    let mut attributes: IndexMap<String, String> =
        actor.attributes.unwrap_or_default().into_iter().collect();
    attributes.sort_keys();
    let service = attributes.get(labels::SERVICE).cloned();
    // Labels have dots in their names; what the engine itself says has none.
    attributes.retain(|name, _| !name.contains('.'));
    let nanoseconds = event.time_nano.map(i128::from);
    let nanoseconds =
        nanoseconds.or_else(|| event.time.map(|time| i128::from(time) * 1_000_000_000))?;
    Some(Announcement {
        at: OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?,
        kind: event.typ?.to_string(),
        action: event.action?,
        id: actor.id?,
        service,
        attributes,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_told_apart_from_what_the_engine_says() {
        let event = json!({
            "Type": "container", "Action": "die", "time": 1, "timeNano": 1_500_000_000,
            "Actor": {"ID": "abc", "Attributes": {
                "name": "shop-db-1", "exitCode": "137", "image": "postgres:17",
                "com.docker.compose.service": "db", "com.docker.compose.project": "shop",
            }},
        });
        let announced = announcement(serde_json::from_value(event).unwrap()).unwrap();
        assert_eq!(announced.at.unix_timestamp_nanos(), 1_500_000_000);
        assert_eq!((announced.kind.as_str(), announced.action.as_str()), ("container", "die"));
        assert_eq!(announced.service.as_deref(), Some("db"));
        let attributes: Vec<_> = announced.attributes.keys().map(String::as_str).collect();
        assert_eq!(attributes, ["exitCode", "image", "name"]);
        assert_eq!(announcement(EventMessage::default()), None);
    }
}
