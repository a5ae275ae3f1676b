//! Colours: a few meanings for progress and tables, and a stable colour per service for logs.
//! Whether there is colour at all is the caller's decision; without it every text stays as it is.

use console::Style;

use crate::project::ServiceName;

/// Paints text by meaning.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    enabled: bool,
}

/// What a text means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Nothing in particular.
    Normal,
    /// It is well.
    Good,
    /// It is under way.
    Busy,
    /// It deserves a look.
    Caution,
    /// It went wrong.
    Bad,
    /// It is there for completeness.
    Faint,
    /// It is a heading or a name.
    Strong,
}

impl Paint {
    /// Returns a paint that colours only when `enabled`.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        Self { enabled }
    }

    /// Paints `text`.
    #[must_use]
    pub fn apply(self, tone: Tone, text: &str) -> String {
        let style = Style::new().force_styling(self.enabled);
        let style = match tone {
            Tone::Normal => return text.to_owned(),
            Tone::Good => style.green(),
            Tone::Busy => style.cyan(),
            Tone::Caution => style.yellow(),
            Tone::Bad => style.red(),
            Tone::Faint => style.dim(),
            Tone::Strong => style.bold(),
        };
        if text.is_empty() { String::new() } else { style.apply_to(text).to_string() }
    }
}

/// The colour of each service: by its place in the project, so that it is the same in every
/// command and neighbours differ.
#[derive(Debug, Clone)]
pub struct Palette {
    services: Vec<ServiceName>,
    enabled: bool,
}

/// Red is left out, it means failure; so are black and white, one of which is the background.
const COLOURS: [fn(Style) -> Style; 10] = [
    |style| style.cyan(),
    |style| style.yellow(),
    |style| style.green(),
    |style| style.magenta(),
    |style| style.blue(),
    |style| style.cyan().bright(),
    |style| style.yellow().bright(),
    |style| style.green().bright(),
    |style| style.magenta().bright(),
    |style| style.blue().bright(),
];

impl Palette {
    /// Returns the palette of a project's services, in the order of the file.
    #[must_use]
    pub fn new(services: impl IntoIterator<Item = ServiceName>, enabled: bool) -> Self {
        Self { services: services.into_iter().collect(), enabled }
    }

    /// Paints `text` in the colour of `service`.
    #[must_use]
    pub fn paint(&self, service: &ServiceName, text: &str) -> String {
        // A service that the file no longer names still gets a colour, of its name's making.
        let place = self.services.iter().position(|known| known == service).unwrap_or_else(|| {
            service.as_str().bytes().fold(0, |sum, byte| sum + usize::from(byte))
        });
        let style = COLOURS[place % COLOURS.len()](Style::new().force_styling(self.enabled));
        style.apply_to(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        text.parse().unwrap()
    }

    #[test]
    fn a_service_keeps_its_colour_and_neighbours_differ() {
        let palette = Palette::new([name("db"), name("api"), name("kong")], true);
        assert_eq!(palette.paint(&name("db"), "db-1 | "), "\u{1b}[36mdb-1 | \u{1b}[0m");
        assert_eq!(palette.paint(&name("api"), "x"), "\u{1b}[33mx\u{1b}[0m");
        assert_eq!(palette.paint(&name("gone"), "x"), palette.paint(&name("gone"), "x"));
    }

    #[test]
    fn without_colour_text_stays_as_it_is() {
        assert_eq!(Palette::new([name("db")], false).paint(&name("db"), "db-1"), "db-1");
        assert_eq!(Paint::new(false).apply(Tone::Bad, "exited (1)"), "exited (1)");
        assert_eq!(
            Paint::new(true).apply(Tone::Bad, "exited (1)"),
            "\u{1b}[31mexited (1)\u{1b}[0m"
        );
        assert_eq!(Paint::new(true).apply(Tone::Faint, ""), "");
    }
}
