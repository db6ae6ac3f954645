//! Stages that run at the same time.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Result;

use super::{Stages, end};
use crate::console;
use crate::program;

impl Stages {
    /// Runs a stage for each item, as many at a time as there are processors. The output of a stage is shown when it
    /// has ended.
    pub(super) fn run_together<T: Sync>(
        &mut self,
        items: &[T],
        name: impl Fn(&T) -> String + Sync,
        stage: impl Fn(&T, &File) -> Result<()> + Sync,
    ) {
        let console = Mutex::new(());
        let run = |(): &mut (), item: &T| {
            let name = name(item);
            console::status("Stage", &name);
            let start = Instant::now();
            let (result, output) = with_output(|output| stage(item, output));
            let seconds = start.elapsed().as_secs_f64();
            let _guard = console.lock().unwrap_or_else(PoisonError::into_inner);
            console::status("Output", &name);
            console::raw(&output);
            Ok::<_, Infallible>((end(&name, seconds, &result), name))
        };
        let Ok(results) = scratchrs_fs::try_parallel_map(items, || (), run);
        for (has_passed, name) in results {
            self.count(has_passed, &name);
        }
    }
}

/// Runs a program with its output going to a file.
pub(super) fn run_into(output: &File, mut command: Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    program::run(command)
}

/// The result of a function that writes to a file, and what it wrote.
fn with_output(run: impl FnOnce(&File) -> Result<()>) -> (Result<()>, Vec<u8>) {
    let mut bytes = Vec::new();
    let attempt = || {
        let mut file = tempfile::tempfile()?;
        let result = run(&file);
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        result
    };
    let result = attempt();
    (result, bytes)
}

#[cfg(test)]
mod tests {
    use super::super::skips::Skips;
    use super::*;

    #[test]
    fn each_stage_has_its_output_and_result() {
        let directory = tempfile::tempdir().unwrap();
        let mut stages = Stages::begin(Skips::begin(directory.path()).unwrap());
        let stage = |item: &u32, output: &File| {
            let mut echo = Command::new("echo");
            echo.arg(item.to_string());
            run_into(output, echo)?;
            anyhow::ensure!(item.is_multiple_of(2), "odd");
            Ok(())
        };
        stages.run_together(&[1, 2, 3, 4], |item| item.to_string(), stage);
        assert_eq!((stages.passed, &stages.failed[..]), (2, &["1".to_owned(), "3".to_owned()][..]));
        let (result, output) = with_output(|file| stage(&3, file));
        assert!(result.is_err());
        assert_eq!(output, b"3\n");
    }
}
