//! Progress in one line: ` Downloading iris ████▌      45%  5.4 of 12.1 MiB  2.1 MiB/s  3 s left`.

use std::collections::VecDeque;
use std::time::Duration;

use scratchrs_fs::{ProgressState, Unit};

use crate::human::{self, visible};
use crate::style::done;

/// Verbs are right-aligned in this width, as in Pkg.
const VERB_WIDTH: usize = 12;
/// The width of the bar, if it fits.
const BAR_WIDTH: usize = 20;
/// A shorter bar is not shown.
const SHORTEST_BAR: usize = 6;
/// The time over which the speed is measured, so that it does not flicker.
const WINDOW: Duration = Duration::from_secs(3);

/// Follows the progress of work.
#[derive(Debug)]
pub struct Meter {
    has_colour: bool,
    stage: String,
    /// Times and progress of the stage in the last [`WINDOW`].
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// Begins with no progress.
    pub fn new(has_colour: bool) -> Self {
        Self { has_colour, stage: String::new(), samples: VecDeque::new() }
    }

    /// The line at the time `now` since the work began, in at most `columns`; empty before the first stage.
    pub fn line(&mut self, progress: &ProgressState, now: Duration, columns: usize) -> String {
        if self.stage != progress.stage {
            self.stage.clone_from(&progress.stage);
            self.samples.clear();
        }
        while self.samples.front().is_some_and(|(then, _)| *then + WINDOW < now) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, progress.done));
        if progress.stage.is_empty() {
            return String::new();
        }
        self.fitted(progress, columns)
    }

    fn fitted(&self, progress: &ProgressState, columns: usize) -> String {
        let stage = visible(&progress.stage);
        let (verb, subject) = stage.split_once(' ').unwrap_or((&stage, ""));
        let mut facts = facts(progress, self.speed());
        let taken =
            |facts: &[String]| facts.iter().map(|fact| 2 + fact.chars().count()).sum::<usize>();
        let verb_width = VERB_WIDTH.max(verb.chars().count());
        // The last facts are the least important.
        while verb_width + taken(&facts) > columns && facts.len() > 1 {
            facts.pop();
        }
        let mut room = columns.saturating_sub(verb_width + taken(&facts));
        let bar_width = match progress.total {
            0 => 0,
            _ if room > SHORTEST_BAR => BAR_WIDTH.min(room - 1),
            _ => 0,
        };
        room = room.saturating_sub(if bar_width > 0 { bar_width + 1 } else { 0 });
        let subject = human::cut(subject, room.saturating_sub(1));
        let padding = " ".repeat(VERB_WIDTH.saturating_sub(verb.chars().count()));
        let verb = if self.has_colour { done(verb) } else { verb.to_owned() };
        let mut line = padding + &verb;
        if !subject.is_empty() {
            line = line + " " + &subject;
        }
        if bar_width > 0 {
            line = line + " " + &bar(progress, bar_width);
        }
        facts.iter().fold(line, |line, fact| line + "  " + fact)
    }

    /// The progress per second, if it is known.
    fn speed(&self) -> Option<f64> {
        let ((from, before), (to, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = to.checked_sub(*from)?.as_secs_f64();
        let more = after.checked_sub(*before).filter(|more| *more > 0)?;
        (seconds > 0.0).then(|| more as f64 / seconds)
    }
}

/// The figures, the most important first.
fn facts(progress: &ProgressState, speed: Option<f64>) -> Vec<String> {
    let ProgressState { unit, done, total, .. } = progress;
    let mut facts = Vec::new();
    if *total > 0 {
        facts.push(format!("{:>3}%", u128::from(*done) * 100 / u128::from(*total)));
    }
    if *total == 0 && *done == 0 {
        // The stage waits.
        return facts;
    }
    facts.push(match (unit, total) {
        (Unit::Bytes, 0) => human::size(*done),
        (Unit::Bytes, _) => human::size_of(*done, *total),
        (Unit::Items, 0) => done.to_string(),
        (Unit::Items, _) => format!("{done} of {total}"),
    });
    if let Some(speed) = speed {
        if *unit == Unit::Bytes {
            facts.push(format!("{}/s", human::size(speed as u64)));
        }
        let left = total.saturating_sub(*done);
        if left > 0 {
            facts.push(format!("{} left", human::duration(left as f64 / speed)));
        }
    }
    facts
}

/// A bar in eighths of a column.
fn bar(progress: &ProgressState, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let (done, total) = (u128::from(progress.done), u128::from(progress.total.max(1)));
    let eighths = (done * (width as u128) * 8 / total).min(width as u128 * 8) as usize;
    let (full, part) = (eighths / 8, PARTS[eighths % 8]);
    let empty = width - full - usize::from(!part.is_empty());
    "█".repeat(full) + part + &" ".repeat(empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(stage: &str, done: u64, total: u64) -> ProgressState {
        ProgressState { stage: stage.to_owned(), unit: Unit::Bytes, done, total }
    }

    const MIB: u64 = 1024 * 1024;
    const SECOND: Duration = Duration::from_secs(1);

    /// The line one second after the start.
    fn after_a_second(progress: &ProgressState, columns: usize) -> String {
        let mut meter = Meter::new(false);
        meter.line(&ProgressState { done: 0, ..progress.clone() }, Duration::ZERO, columns);
        meter.line(progress, SECOND, columns)
    }

    #[test]
    fn a_line_has_stage_bar_percentage_speed_and_time_left() {
        assert_eq!(
            after_a_second(&progress("Downloading `iris`", 5 * MIB, 20 * MIB), 90),
            " Downloading `iris` █████                  25%  5.0 of 20.0 MiB  5.0 MiB/s  3 s left"
        );
        assert_eq!(
            after_a_second(&progress("Hashing", 5 * MIB, 0), 90),
            "     Hashing  5.0 MiB  5.0 MiB/s"
        );
        let items = ProgressState { unit: Unit::Items, ..progress("Verifying artifacts", 3, 4) };
        assert_eq!(
            after_a_second(&items, 90),
            "   Verifying artifacts ███████████████        75%  3 of 4  1 s left"
        );
        let waiting = progress("Waiting for `iris`: process 7 installs it", 0, 0);
        assert_eq!(
            Meter::new(false).line(&waiting, SECOND, 90),
            "     Waiting for `iris`: process 7 installs it"
        );
        assert_eq!(Meter::new(false).line(&ProgressState::default(), SECOND, 90), "");
        assert_eq!(facts(&progress("", 1000, MIB), None), ["  0%", "0.0 of 1.0 MiB"]);
    }

    #[test]
    fn a_line_fits_the_terminal() {
        let progress = progress("Downloading `a-rather-long-name`", 5 * MIB, 20 * MIB);
        for columns in 0..120 {
            let line = after_a_second(&progress, columns);
            let width = line.chars().count();
            assert!(width <= columns.max(VERB_WIDTH + 6), "{columns}: {line:?}");
        }
        let narrow = |columns| after_a_second(&progress, columns);
        assert_eq!(narrow(18), " Downloading   25%");
        assert_eq!(narrow(36), " Downloading   25%  5.0 of 20.0 MiB");
        assert_eq!(
            narrow(80),
            " Downloading `… █████                  25%  5.0 of 20.0 MiB  5.0 MiB/s  3 s left"
        );
    }

    #[test]
    fn the_speed_is_that_of_the_last_seconds_of_the_stage() {
        let mut meter = Meter::new(false);
        for second in 0..10 {
            // Ten times as fast in the last five seconds.
            let done = MIB * if second < 5 { second } else { 5 + (second - 5) * 10 };
            meter.line(&progress("Hashing", done, 0), Duration::from_secs(second), 90);
        }
        assert_eq!(meter.speed().map(|speed| speed as u64 / MIB), Some(10));
        meter.line(&progress("Writing", 0, 0), 10 * SECOND, 90);
        assert_eq!(meter.speed(), None);
    }

    #[test]
    fn a_bar_is_as_long_as_the_work() {
        for (done, expected) in
            [(0, "    "), (50, "██  "), (99, "███▉"), (100, "████"), (200, "████")]
        {
            assert_eq!(bar(&progress("", done, 100), 4), expected);
        }
        assert_eq!(bar(&progress("", u64::MAX, u64::MAX), 4), "████");
    }
}
