//! "Did you mean": the nearest of the names that would have been right.

/// The candidate that `name` most likely means; `None` when none is near enough.
#[must_use]
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "");
    let wanted = plain(name);
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&wanted, &plain(candidate))?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How far a word is from what is wanted; `None` when it is another word.
fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    let edits = strsim::damerau_levenshtein(wanted, candidate);
    // A third of the letters may differ, or the beginning may have been left out: `healthy` for
    // `service_healthy`. The latter is a worse match than any of the former.
    let is_near = edits * 3 <= candidate.len().max(wanted.len());
    let is_end = wanted.len() >= 4 && candidate.ends_with(wanted);
    (is_near || is_end).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let keys = ["environment", "env_file", "healthcheck", "ports", "image", "db", "on_it"];
        let cases = [
            ("enviroment", Some("environment")),
            ("env-file", Some("env_file")),
            ("health_check", Some("healthcheck")),
            ("HealthCheck", Some("healthcheck")),
            ("prots", Some("ports")),
            ("port", Some("ports")),
            ("dbb", Some("db")),
            ("bd", None),
            ("file", Some("env_file")),
            ("it", None),
            ("replicas", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, keys), expected, "{name}");
        }
    }
}
