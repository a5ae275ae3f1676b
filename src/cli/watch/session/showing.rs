//! What a person sees of a watch.

use std::time::Instant;

use super::Session;
use crate::cli::watch::act::Say;
use crate::event::WatchEvent;
use crate::report::{ProgressMode, reporter};
use crate::watch::Polling;

impl Session<'_> {
    /// Shows something that has to do with this watch.
    pub(in crate::cli::watch) fn show(&self, event: &WatchEvent) {
        self.cx.show_watch(event);
    }

    pub(super) fn note(&self, text: &str) {
        self.show(&WatchEvent::Note { label: None, text: text.to_owned() });
    }

    pub(super) fn hear(&mut self, say: Say) {
        match say {
            Say::Watch(event) => {
                self.better |= matches!(event, WatchEvent::Done { .. });
                self.show(&event);
            }
            Say::Live => self.better = true,
            Say::Failed { label, what, error } => {
                // A person reads below the line what is wrong, a program within it.
                let follows = error.has_details() && self.cx.progress() != ProgressMode::Json;
                let reason = if follows { String::new() } else { error.headline() };
                let (frame, serving) = (None, None);
                self.show(&WatchEvent::Failed { label, what, reason, frame, serving });
                if follows {
                    error.print(self.cx);
                }
            }
            Say::Run(Some(event)) => {
                let (display, begun) = self.display.get_or_insert_with(|| {
                    // Live lines would fight with the logs.
                    let mode = match self.cx.progress() {
                        ProgressMode::Auto | ProgressMode::Tty => ProgressMode::Plain,
                        mode => mode,
                    };
                    let now = time::OffsetDateTime::now_utc();
                    (reporter(mode, self.cx.terminal_facts(), now), Instant::now())
                });
                display.report(&self.cx.redactor().event(event), begun.elapsed());
            }
            Say::Run(None) => {
                if let Some((display, begun)) = self.display.take() {
                    display.finish(begun.elapsed());
                }
            }
        }
    }

    pub(super) fn show_polling(&self, polling: &Polling) {
        let text = match polling {
            Polling::FileSystem { path, kind } => format!(
                "{} lies on a file system ({kind}) that does not tell of changes: all files are \
                 looked at every second instead",
                path.display()
            ),
            Polling::WatchLimit => "the system gives no more file watches: all files are looked \
                 at every second instead. Raise the limits with `sudo sysctl \
                 fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024`"
                .to_owned(),
            Polling::Asked => "all files are looked at again and again".to_owned(),
        };
        self.show(&WatchEvent::Warning { label: None, text });
    }
}
