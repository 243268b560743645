//! The log: what the program says of itself, on standard error.

use std::io::{IsTerminal, Write};

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::settings::{Format, Level, Settings};
use crate::lines::harmless;

/// A writer that gets each event as one line, whatever its fields hold: the text form shows them as they are.
struct OneLine<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for OneLine<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }
}

impl<W: Write> Write for OneLine<W> {
    /// Takes one whole event, as the formatter writes it.
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = harmless(text.strip_suffix('\n').unwrap_or(&text).to_owned());
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Sends log lines of this process to standard error. A second call changes nothing.
pub fn install(settings: &Settings) {
    // Only the first of a process counts.
    let _ = tracing::dispatcher::set_global_default(log_to(settings, std::io::stderr));
}

/// A log that writes to `writer`; `auto` is text where standard error is a terminal.
#[must_use]
pub fn log_to<W>(settings: &Settings, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match settings.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // The engine's own lines would show header fields at trace.
    let filter = EnvFilter::new(format!("warn,vestibule={level}"));
    let text = match settings.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => std::io::stderr().is_terminal(),
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(OneLine(writer)).with_target(false);
    if text { builder.with_ansi(false).into() } else { builder.json().flatten_event(true).into() }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Format, Level, Settings, log_to};

    /// What is written at each level, and one word beside it that a stranger chose.
    fn written(settings: &Settings) -> String {
        let text = Arc::new(Mutex::new(Vec::new()));
        tracing::dispatcher::with_default(&log_to(settings, Kept(Arc::clone(&text))), || {
            tracing::error!(host = %"a\n\u{1b}[2Jforged", "one");
            tracing::warn!("two");
            tracing::info!("three");
            tracing::debug!("four {}", "b\nforged");
            tracing::trace!("five");
            tracing::info!(target: "hyper", "six");
        });
        String::from_utf8(text.lock().expect("no panic").clone()).expect("text")
    }

    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for &Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'w> super::MakeWriter<'w> for Kept {
        type Writer = &'w Self;

        fn make_writer(&'w self) -> &'w Self {
            self
        }
    }

    #[test]
    fn each_level_writes_what_is_at_least_so_grave_and_nothing_of_the_engine() {
        let words = ["one", "two", "three", "four", "five"];
        let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];
        for format in [Format::Text, Format::Json] {
            for (n, level) in levels.into_iter().enumerate() {
                let text = written(&Settings { format, level, ..Settings::default() });
                let seen: Vec<&str> = words.into_iter().filter(|word| text.contains(word)).collect();
                assert_eq!(seen, words[..=n], "{level:?}: {text}");
                assert_eq!(text.lines().count(), n + 1, "nobody forges a line: {text:?}");
                assert!(!text.contains("six") && !text.contains('\u{1b}'), "{text:?}");
                let is_json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
                assert_eq!(text.lines().all(is_json), format == Format::Json, "{text}");
            }
        }
    }
}
