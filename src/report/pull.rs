//! How far the pull of one image is, added up from its layers. Pure.

use indexmap::IndexMap;

use super::wording;

/// The layers of one pull.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pull {
    layers: IndexMap<String, Layer>,
    shown: u8,
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
        /// Of all bytes, as far as they are known; never falls.
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
        let percent = self.percent();
        self.shown = self.shown.max(percent);
    }

    /// Says where the pull is.
    pub(crate) fn state(&self) -> PullState {
        let any = |stage| self.layers.values().any(|layer| layer.stage == stage);
        let current = self.downloaded();
        if any(Stage::Downloading) || (current > 0 && any(Stage::Queued)) {
            let amount = match self.known_total() {
                Some(total) => wording::bytes_of(current, total),
                None => wording::bytes(current),
            };
            PullState::Downloading { percent: self.shown, amount }
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

    /// A layer of unknown size counts as an average one, so that the number does not leap back
    /// whenever a queued layer begins.
    fn percent(&self) -> u8 {
        let (sized, total) = self
            .layers
            .values()
            .filter(|layer| layer.total > 0)
            .fold((0_u64, 0_u64), |(count, sum), layer| (count + 1, sum + layer.total));
        let unknown = self
            .layers
            .values()
            .filter(|layer| layer.total == 0 && layer.stage < Stage::Downloaded)
            .count() as u64;
        let Some(average) = total.checked_div(sized) else { return 0 };
        let estimate = total + average * unknown;
        // 100 % is what the engine says at the end, not what adding up says.
        u8::try_from(self.downloaded().saturating_mul(100).checked_div(estimate).unwrap_or(0))
            .map_or(99, |percent| percent.min(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn downloading(percent: u8, amount: &str) -> PullState {
        PullState::Downloading { percent, amount: amount.to_owned() }
    }

    #[test]
    fn a_pull_moves_forward_only() {
        let mut pull = Pull::default();
        assert_eq!(pull.state(), PullState::Beginning);
        let script = [
            ("17", "Pulling from library/postgres", 0, 0, PullState::Beginning),
            ("a", "Pulling fs layer", 0, 0, PullState::Beginning),
            ("b", "Pulling fs layer", 0, 0, PullState::Beginning),
            ("c", "Already exists", 0, 0, PullState::Beginning),
            // `b` is taken to be as large as `a` until it says otherwise.
            ("a", "Downloading", 5_000_000, 10_000_000, downloading(25, "5.0MB")),
            ("a", "Downloading", 9_000_000, 10_000_000, downloading(45, "9.0MB")),
            ("b", "Downloading", 1_000_000, 90_000_000, downloading(45, "10.0/100.0MB")),
            ("a", "Download complete", 0, 0, downloading(45, "11.0/100.0MB")),
            ("a", "Extracting", 3, 0, downloading(45, "11.0/100.0MB")),
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
    fn a_retried_layer_does_not_take_the_percentage_back() {
        let mut pull = Pull::default();
        pull.update("a", "Downloading", 60, 100);
        pull.update("a", "Retrying in 5 seconds", 0, 0);
        pull.update("a", "Downloading", 10, 100);
        assert_eq!(pull.state(), downloading(60, "10/100B"));
    }
}
