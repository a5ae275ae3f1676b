//! How far the pull of one image is, added up from its layers. Pure.

use indexmap::IndexMap;

use super::wording;

/// The layers of one pull.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pull {
    layers: IndexMap<String, Layer>,
    estimate: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layer {
    stage: Stage,
    current: u64,
    total: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Queued,
    Downloading,
    Downloaded,
    Unpacked,
}

/// What to say of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PullState {
    /// No layer has reported bytes.
    Beginning,
    /// Bytes are coming in.
    Downloading {
        /// Of all bytes. As long as they are not known, an estimate that never falls.
        percent: u8,
        /// Such as `32.1/74.5MB`, or `32.1MB` as long as the whole is not known.
        amount: String,
    },
    /// Everything is here, layers are being unpacked.
    Unpacking {
        /// Layers unpacked.
        done: usize,
        /// Layers in all.
        of: usize,
    },
}

impl Pull {
    /// Takes in one report of the engine.
    pub(crate) fn update(&mut self, id: &str, status: &str, current: u64, total: u64) {
        let stage = match status {
            "Downloading" => Stage::Downloading,
            "Verifying Checksum" | "Download complete" | "Extracting" => Stage::Downloaded,
            "Pull complete" | "Already exists" => Stage::Unpacked,
            "Pulling fs layer" | "Waiting" => Stage::Queued,
            // `Retrying in 5 seconds`
            _ if status.starts_with("Retrying") => Stage::Queued,
            // Lines about the image as a whole carry its tag in place of a layer's id.
            _ => return,
        };
        let layer =
            self.layers.entry(id.to_owned()).or_insert(Layer { stage, current: 0, total: 0 });
        layer.stage = stage;
        match stage {
            Stage::Queued => layer.current = 0,
            Stage::Downloading => {
                layer.current = current;
                layer.total = total.max(current);
            }
            Stage::Downloaded | Stage::Unpacked => layer.current = layer.total,
        }
        self.estimate = self.estimate.max(self.estimate());
    }

    /// Says where the pull is.
    pub(crate) fn state(&self) -> PullState {
        let any = |stage| self.layers.values().any(|layer| layer.stage == stage);
        let current = self.downloaded();
        if any(Stage::Downloading) || (current > 0 && any(Stage::Queued)) {
            let (percent, amount) = match self.known_total() {
                Some(total) => (percent(current, total), wording::bytes_of(current, total)),
                None => (self.estimate, wording::bytes(current)),
            };
            PullState::Downloading { percent, amount }
        } else if any(Stage::Downloaded) && !any(Stage::Queued) {
            let done = self.layers.values().filter(|layer| layer.stage == Stage::Unpacked).count();
            PullState::Unpacking { done, of: self.layers.len() }
        } else {
            PullState::Beginning
        }
    }

    /// The bytes that came over the network so far.
    pub(crate) fn downloaded(&self) -> u64 {
        self.layers.values().map(|layer| layer.current).sum()
    }

    fn known_total(&self) -> Option<u64> {
        let known = |layer: &Layer| layer.total > 0 || layer.stage >= Stage::Downloaded;
        self.layers.values().all(known).then(|| self.layers.values().map(|l| l.total).sum())
    }

    /// A layer of unknown size is taken to be as large as the largest: better a bar that turns out
    /// to be further than one that has to go back.
    fn estimate(&self) -> u8 {
        let total: u64 = self.layers.values().map(|layer| layer.total).sum();
        let largest = self.layers.values().map(|layer| layer.total).max().unwrap_or(0);
        let unknown = |layer: &&Layer| layer.total == 0 && layer.stage < Stage::Downloaded;
        let unknown = self.layers.values().filter(unknown).count() as u64;
        percent(self.downloaded(), total + largest * unknown)
    }
}

/// 100 % is what the engine says at the end, not what adding up says.
fn percent(part: u64, whole: u64) -> u8 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    u8::try_from(percent).map_or(99, |percent| percent.min(99))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downloading(percent: u8, amount: &str) -> PullState {
        PullState::Downloading { percent, amount: amount.to_owned() }
    }

    #[test]
    fn a_pull_says_how_far_it_is() {
        let mut pull = Pull::default();
        assert_eq!(pull.state(), PullState::Beginning);
        let script = [
            ("17", "Pulling from library/postgres", 0, 0, PullState::Beginning),
            ("a", "Pulling fs layer", 0, 0, PullState::Beginning),
            ("b", "Pulling fs layer", 0, 0, PullState::Beginning),
            ("c", "Already exists", 0, 0, PullState::Beginning),
            // `b` is taken to be as large as `a` until it says how large it is.
            ("a", "Downloading", 5_000_000, 10_000_000, downloading(25, "5.0MB")),
            ("a", "Downloading", 9_000_000, 10_000_000, downloading(45, "9.0MB")),
            ("b", "Downloading", 1_000_000, 90_000_000, downloading(10, "10.0/100.0MB")),
            ("a", "Download complete", 0, 0, downloading(11, "11.0/100.0MB")),
            ("a", "Extracting", 3, 0, downloading(11, "11.0/100.0MB")),
            ("b", "Downloading", 89_000_000, 90_000_000, downloading(99, "99.0/100.0MB")),
            ("b", "Download complete", 0, 0, PullState::Unpacking { done: 1, of: 3 }),
            ("a", "Pull complete", 0, 0, PullState::Unpacking { done: 2, of: 3 }),
        ];
        for (id, status, current, total, expected) in script {
            pull.update(id, status, current, total);
            assert_eq!(pull.state(), expected, "after {id} {status}");
        }
        assert_eq!(pull.downloaded(), 100_000_000);
    }

    #[test]
    fn an_estimate_never_falls() {
        let mut pull = Pull::default();
        pull.update("a", "Downloading", 60, 100);
        pull.update("b", "Waiting", 0, 0);
        pull.update("c", "Waiting", 0, 0);
        assert_eq!(pull.state(), downloading(60, "60B"));
        pull.update("b", "Downloading", 10, 100);
        pull.update("a", "Retrying in 5 seconds", 0, 0);
        assert_eq!(pull.state(), downloading(60, "10B"));
    }
}
