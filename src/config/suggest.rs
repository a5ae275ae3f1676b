//! "Did you mean": the nearest of the names that would have been right.

/// The candidate that `name` most likely means; `None` when none is near enough.
#[must_use]
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "");
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &plain(candidate)), candidate))
        // A third of the letters may differ: more is another word.
        .filter(|(distance, candidate)| *distance * 3 <= candidate.len().max(name.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let keys = ["environment", "env_file", "healthcheck", "ports", "image", "db"];
        let cases = [
            ("enviroment", Some("environment")),
            ("env-file", Some("env_file")),
            ("health_check", Some("healthcheck")),
            ("HealthCheck", Some("healthcheck")),
            ("prots", Some("ports")),
            ("port", Some("ports")),
            ("dbb", Some("db")),
            ("bd", None),
            ("replicas", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, keys), expected, "{name}");
        }
    }
}
