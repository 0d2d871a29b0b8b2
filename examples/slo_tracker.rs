//! Measurements of a job queue in, its error budget out: SLOs without a proxy. `cargo run --example slo_tracker`

use redline::slo::{SloDefinition, SloTracker, TrackerError};

const MINUTE: u64 = 60_000_000_000;

fn main() -> Result<(), TrackerError> {
    let mut tracker = SloTracker::new();
    tracker.add(SloDefinition::new("jobs", "99.5", "7d")?, 0)?;
    for minute in 1..=24 * 60 {
        // 200 jobs a minute; from noon on a quarter of them fails for twenty minutes.
        let failed = if (720..740).contains(&minute) { 50 } else { 0 };
        tracker.record("jobs", 200, 200 - failed, minute * MINUTE)?;
        if [719, 725, 739, 750, 24 * 60].contains(&minute) {
            let report = tracker.report("jobs", minute * MINUTE)?;
            println!(
                "{:02}:{:02} {:?}, budget left {}",
                minute / 60,
                minute % 60,
                report.status,
                report.remaining
            );
            for window in report.windows {
                let length = window.window.length(redline::config::Duration::from_days(7));
                println!(
                    "    {length:>3}  burn {:>7}  {} of {} bad",
                    window.burn, window.tally.bad, window.tally.events
                );
            }
        }
    }
    Ok(())
}
