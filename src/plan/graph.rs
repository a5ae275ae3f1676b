//! Order among services.

use std::collections::HashSet;
use std::hash::Hash;

/// Orders items so that each comes after what it depends on, otherwise in the given order. Edges
/// to unknown items are ignored; configuration has already refused cycles, so one that still
/// occurs (in labels of the engine) is cut where it closes.
pub fn topological<T: Clone + Eq + Hash>(
    items: &[T],
    dependencies: impl Fn(&T) -> Vec<T>,
) -> Vec<T> {
    let known: HashSet<&T> = items.iter().collect();
    let mut visited: HashSet<T> = HashSet::new();
    let mut order = Vec::with_capacity(items.len());
    // An explicit stack: chains of thousands of services must not exhaust the thread's.
    for item in items {
        let mut stack = vec![(item.clone(), false)];
        while let Some((item, expanded)) = stack.pop() {
            if expanded {
                order.push(item);
                continue;
            }
            if !visited.insert(item.clone()) {
                continue;
            }
            let needed = dependencies(&item);
            stack.push((item, true));
            for dependency in needed.into_iter().rev() {
                if known.contains(&dependency) && !visited.contains(&dependency) {
                    stack.push((dependency, false));
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(items: &[&'static str], edges: &[(&'static str, &'static str)]) -> Vec<&'static str> {
        topological(items, |item| {
            edges.iter().filter(|(from, _)| from == item).map(|(_, to)| *to).collect()
        })
    }

    #[test]
    fn dependencies_come_first_and_the_rest_keeps_its_order() {
        assert_eq!(
            order(&["kong", "api", "db", "mq"], &[("kong", "api"), ("api", "db"), ("api", "mq")]),
            ["db", "mq", "api", "kong"]
        );
        assert_eq!(order(&["c", "b", "a"], &[]), ["c", "b", "a"]);
        assert_eq!(order(&["a"], &[("a", "gone")]), ["a"]);
    }

    #[test]
    fn a_cycle_ends() {
        assert_eq!(order(&["a", "b"], &[("a", "b"), ("b", "a")]).len(), 2);
    }
}
