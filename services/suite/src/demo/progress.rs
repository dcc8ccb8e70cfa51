//! How far something has come, on standard error: a bar in a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that is cleared when it is dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
    words: &'static str,
    begun: Instant,
    /// Tenths told so far where there is no terminal.
    told: Option<AtomicU64>,
}

impl Bar {
    pub(crate) fn new(length: u64, words: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(length).with_style(style).with_message(words);
        let told = (!std::io::stderr().is_terminal()).then(AtomicU64::default);
        Self { bar, words, begun: Instant::now(), told }
    }

    /// So many more are done.
    pub(crate) fn add(&self, done: u64) {
        self.bar.inc(done);
        self.tell();
    }

    /// So many are left.
    pub(crate) fn left(&self, left: u64) {
        let length = self.bar.length().unwrap_or(0).max(left);
        self.bar.set_length(length);
        self.bar.set_position(length - left);
        self.tell();
    }

    fn tell(&self) {
        let Some(told) = &self.told else { return };
        let (done, length) = (self.bar.position(), self.bar.length().unwrap_or(0).max(1));
        let tenth = done * 10 / length;
        if tenth > told.fetch_max(tenth, Ordering::Relaxed) {
            let rate = done as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
            eprintln!("{} {done}/{length} {rate:.0}/s", self.words);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
