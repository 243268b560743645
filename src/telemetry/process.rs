//! What the system says about this process, from `/proc`: the numbers that every exporter shows under `process_`.
//!
//! Read when somebody asks. Where there is no `/proc` there are none.

use std::fs;

use super::exposition::Exposition;

/// Adds the `process_` metrics.
pub(super) fn write(page: &mut Exposition) {
    let ticks = rustix::param::clock_ticks_per_second();
    if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
        write_stat(page, &stat, ticks);
    }
    // The directory that is read is one of them.
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open file descriptors.").is(open.count().saturating_sub(1));
    }
    if let Some(max) = fs::read_to_string("/proc/self/limits").ok().as_deref().and_then(max_fds) {
        page.gauge("process_max_fds", "The most file descriptors that may be open.").is(max);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a reader of floats gets the nearest one")]
fn write_stat(page: &mut Exposition, stat: &str, ticks: u64) {
    // The name of the program stands in parentheses and may hold anything; what counts is behind it (proc(5)).
    let Some((_, rest)) = stat.rsplit_once(") ") else { return };
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
    let ticks = ticks.max(1) as f64;
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        page.counter("process_cpu_seconds_total", "Processor time spent in all, in seconds.")
            .is((user + system) as f64 / ticks);
    }
    if let Some(threads) = field(20) {
        page.gauge("process_threads", "Threads.").is(threads);
    }
    if let (Some(started), Some(boot)) = (field(22), boot_time()) {
        page.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.")
            .is(boot as f64 + started as f64 / ticks);
    }
    if let Some(bytes) = field(23) {
        page.gauge("process_virtual_memory_bytes", "Virtual memory.").is(bytes);
    }
    if let Some(pages) = field(24) {
        let size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        page.gauge("process_resident_memory_bytes", "Memory that is resident.")
            .is(pages.saturating_mul(size));
    }
}

fn boot_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// `Max open files            1024                 524288               files`
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{max_fds, write_stat};
    use crate::telemetry::{Dialect, Exposition};

    #[test]
    fn a_program_of_any_name_is_read() {
        let mut page = Exposition::new(Dialect::Prometheus);
        let stat = "7 (a ) R b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1048576 3 184 1 1";
        write_stat(&mut page, stat, 100);
        let text = page.finish();
        assert!(text.contains("process_cpu_seconds_total 3\n"), "{text}");
        assert!(text.contains("process_threads 9\n"), "{text}");
        assert!(text.contains("process_virtual_memory_bytes 1048576\n"), "{text}");
    }

    #[test]
    fn a_limit_that_is_none_is_left_out() {
        let limits =
            |soft: &str| format!("Limit  Soft Limit\nMax open files            {soft}     524288  files\n");
        assert_eq!(max_fds(&limits("1024")), Some(1024));
        assert_eq!(max_fds(&limits("unlimited")), None);
        assert_eq!(max_fds(""), None);
    }
}
