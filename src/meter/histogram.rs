//! Histograms: how often a value fell below each of some fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of a histogram, and the unit that it shows.
#[derive(Debug)]
pub struct Scale {
    /// Upper bounds in the unit that is counted, ascending; above them is one more bucket.
    bounds: &'static [u64],
    /// How many of the counted unit make one of the shown.
    per: f64,
}

/// Durations of requests: counted in nanoseconds, shown in seconds. The bounds are those that OpenTelemetry advises for
/// `http.server.request.duration`.
pub static SECONDS: Scale = Scale {
    bounds: &[
        5_000_000,
        10_000_000,
        25_000_000,
        50_000_000,
        75_000_000,
        100_000_000,
        250_000_000,
        500_000_000,
        750_000_000,
        1_000_000_000,
        2_500_000_000,
        5_000_000_000,
        7_500_000_000,
        10_000_000_000,
    ],
    per: 1e9,
};

/// Durations of what people do: counted in nanoseconds, shown in seconds.
pub static PATIENCE: Scale = Scale {
    bounds: &[
        1_000_000_000,
        2_000_000_000,
        5_000_000_000,
        10_000_000_000,
        20_000_000_000,
        30_000_000_000,
        60_000_000_000,
        120_000_000_000,
        300_000_000_000,
        600_000_000_000,
        900_000_000_000,
    ],
    per: 1e9,
};

/// Sizes of cookies, in bytes.
pub static BYTES: Scale = Scale { bounds: &[256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096], per: 1.0 };

/// Values by the bound that they fall below.
#[derive(Debug)]
pub struct Histogram {
    scale: &'static Scale,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram shows at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Each bound with the number of values that were not above it.
    pub buckets: Vec<(f64, u64)>,
    /// The number of all values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(scale: &'static Scale) -> Self {
        let counts = std::iter::repeat_with(AtomicU64::default).take(scale.bounds.len() + 1).collect();
        Self { scale, counts, sum: AtomicU64::new(0) }
    }

    /// Records a value in the unit that is counted.
    pub fn record(&self, value: u64) {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// Records a duration, on a scale of seconds.
    pub fn record_duration(&self, value: Duration) {
        self.record(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What it shows now. The count is that of the buckets, so that both always agree; the sum may be one value ahead.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a reader of floats gets the nearest one")]
    pub fn read(&self) -> Reading {
        let mut count = 0;
        let mut buckets = Vec::with_capacity(self.scale.bounds.len());
        let mut bounds = self.scale.bounds.iter();
        for word in &self.counts {
            count += word.load(Ordering::Relaxed);
            if let Some(bound) = bounds.next() {
                buckets.push((*bound as f64 / self.scale.per, count));
            }
        }
        Reading { buckets, count, sum: self.sum.load(Ordering::Relaxed) as f64 / self.scale.per }
    }
}
