//! "Did you mean": the nearest of the names that would have been right.

/// The candidate that `name` most likely means; `None` when none is near enough.
#[must_use]
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "");
    let wanted = plain(name);
    candidates
        .into_iter()
        .take(MOST)
        .filter_map(|candidate| Some((distance(&wanted, &plain(candidate))?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How far a word is from what is wanted; `None` when it is another word.
fn distance(wanted: &str, candidate: &str) -> Option<usize> {
    let longer = candidate.len().max(wanted.len());
    // Or the beginning may have been left out: `healthy` for `service_healthy`. That is a worse
    // match than any other.
    let is_end = wanted.len() >= 4 && candidate.ends_with(wanted);
    if longer > LONGEST || wanted.len().abs_diff(candidate.len()) * 3 > longer && !is_end {
        return None;
    }
    let edits = strsim::damerau_levenshtein(wanted, candidate);
    // A third of the letters may differ; of two letters both may have changed places.
    let is_swapped = longer == 2 && wanted.bytes().rev().eq(candidate.bytes());
    let is_near = edits * 3 <= longer || is_swapped;
    (is_near || is_end).then_some(edits)
}

/// Longer texts are no slips of the pen, and comparing them takes long.
const LONGEST: usize = 64;
/// Who has more names than this is not helped by one of them, and comparing all takes long.
const MOST: usize = 200;

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
            ("bd", Some("db")),
            ("file", Some("env_file")),
            ("it", None),
            ("b", None),
            ("xb", None),
            ("replicas", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, keys), expected, "{name}");
        }
    }
}
