//! `cargo xtask bench readers`: the time of each text reader on its worst inputs, and its memory
//! apart from the text.
//!
//! Each input has taken some reader more than linear time, or is built for that. A reader reads all
//! inputs at the smallest size; then the slowest, and the one with the highest memory, at all
//! sizes. Each measurement runs in a process of its own, which is killed after a time-out.

mod input;
mod reader;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Best, peak_memory};
use crate::console;
use crate::environment::Environment;
use input::INPUTS;
use reader::READERS;

/// The arguments of `cargo xtask bench readers`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The sizes of the inputs, in MB.
    #[arg(long, value_name = "MEGABYTES", value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    sizes: Vec<usize>,
    /// Only readers whose name contains this text.
    #[arg(long, value_name = "NAME", default_value = "")]
    reader: String,
    /// All inputs of each reader, not only the worst.
    #[arg(long)]
    all: bool,
    /// The time-out of a reader in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    limit: u64,
}

/// One text read by one reader, measured in this process.
#[derive(clap::Args)]
pub(super) struct Measure {
    reader: usize,
    input: usize,
    megabytes: usize,
}

/// Reads, and prints the seconds, and the memory apart from the text in KiB.
pub(super) fn measure(arguments: &Measure) -> Result<()> {
    let (_, read) = READERS.get(arguments.reader).context("unknown reader")?;
    let (_, make) = INPUTS.get(arguments.input).context("unknown input")?;
    let text = make(arguments.megabytes * 1_000_000);
    // Resets the peak, if the system supports that.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_memory().unwrap_or(0);
    let start = Instant::now();
    let used = processor_time();
    read(&text);
    let elapsed = start.elapsed().as_secs_f64();
    let seconds = used.zip(processor_time()).map_or(elapsed, |(begin, end)| end - begin);
    let peak = peak_memory().unwrap_or(0).saturating_sub(before);
    console::result(format_args!("{seconds} {peak}"));
    Ok(())
}

/// The processor time of this thread in seconds; `None` if the system does not report it. Other
/// load of the machine does not affect it.
fn processor_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let program = super::shipped(environment)?;
    let first = *arguments.sizes.first().context("no size was given")?;
    let sizes: Vec<String> = arguments.sizes.iter().map(|size| format!("{size} MB")).collect();
    console::result(format_args!(
        "| reader | input | {} | per doubling | most memory, in sizes of the text |",
        sizes.join(" | ")
    ));
    console::result(format_args!("|---|---|{}---|---|", "---|".repeat(sizes.len())));
    let limit = Duration::from_secs(arguments.limit);
    for (reader, (name, _)) in READERS.iter().enumerate() {
        if !name.contains(&arguments.reader) {
            continue;
        }
        let inputs = match arguments.all {
            true => (0..INPUTS.len()).collect(),
            false => worst(&program, reader, first, limit)?,
        };
        for input in inputs {
            line(&program, arguments, reader, input)?;
        }
    }
    Ok(())
}

/// The inputs with the longest time and the highest memory of a reader.
fn worst(program: &Path, reader: usize, size: usize, limit: Duration) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for input in 0..INPUTS.len() {
        found.push((input, child(program, [reader, input, size], limit)?));
    }
    let time = |best: &Option<Best>| best.map_or(f64::INFINITY, |best| best.seconds);
    let memory = |best: &Option<Best>| best.map_or(0, |best| best.peak);
    let slowest = found.iter().max_by(|a, b| time(&a.1).total_cmp(&time(&b.1)));
    let largest = found.iter().max_by_key(|found| memory(&found.1));
    let mut inputs: Vec<_> = [slowest, largest].into_iter().flatten().map(|it| it.0).collect();
    inputs.dedup();
    Ok(inputs)
}

/// Prints the line of a table: a reader and an input, at all sizes.
fn line(program: &Path, arguments: &Arguments, reader: usize, input: usize) -> Result<()> {
    let mut times = Vec::new();
    let mut memory: f64 = 0.0;
    for size in &arguments.sizes {
        let limit = Duration::from_secs(arguments.limit);
        let Some(best) = child(program, [reader, input, *size], limit)? else { break };
        times.push((*size as f64, best.seconds));
        memory = memory.max(best.peak as f64 * 1024.0 / (*size as f64 * 1e6));
    }
    let cells = (0..arguments.sizes.len()).map(|index| match times.get(index) {
        Some((_, seconds)) => format!("{:.1} ms", seconds * 1e3),
        None => format!("> {} s", arguments.limit),
    });
    let cells: Vec<String> = cells.collect();
    let doubling = match (times.first(), times.last()) {
        (Some(first), Some(last)) if times.len() > 1 => {
            let doublings = (last.0 / first.0).log2();
            format!("{:.2}", (last.1 / first.1).powf(1.0 / doublings))
        }
        _ => "?".to_owned(),
    };
    let (reader, input) = (READERS[reader].0, INPUTS[input].0);
    let cells = cells.join(" | ");
    console::result(format_args!("| {reader} | {input} | {cells} | {doubling} | {memory:.1} |"));
    Ok(())
}

/// One measurement in a process of its own; `None` after a time-out.
fn child(program: &Path, what: [usize; 3], limit: Duration) -> Result<Option<Best>> {
    let mut command = Command::new(program);
    command.args(["bench", "measure-reader"]).args(what.map(|number| number.to_string()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output()?;
    let (reader, input) = (READERS[what[0]].0, INPUTS[what[1]].0);
    ensure!(output.status.success(), "{reader} ended with {} on {input}", output.status);
    let output = String::from_utf8(output.stdout)?;
    let numbers = output.trim().split_once(' ').context("BUG: not two numbers")?;
    Ok(Some(Best { seconds: numbers.0.parse()?, peak: numbers.1.parse()? }))
}
