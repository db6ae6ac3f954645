//! What test programs printed.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The sums of many test programs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Results {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Results {
    /// Reads the output of test programs.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?;
        Ok(Self::parse(&String::from_utf8_lossy(&text)))
    }

    fn parse(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            let Some((_, counts)) =
                line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
            else {
                continue;
            };
            for count in counts.split("; ") {
                let Some((number, what)) = count.split_once(' ') else { continue };
                let number: usize = number.parse().unwrap_or(0);
                match what {
                    "passed" => sum.passed += number,
                    "failed" => sum.failed += number,
                    "ignored" => sum.ignored += number,
                    _ => {}
                }
            }
        }
        sum
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} ignored", self.passed, self.failed, self.ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_programs_are_added() {
        let output = "running 2 tests\r\ntest a ... ok\r\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\r\n\
            test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1s\r\n";
        let sum = Results::parse(output);
        assert_eq!(sum, Results { passed: 5, failed: 4, ignored: 1 });
        assert_eq!(sum.to_string(), "5 passed, 4 failed, 1 ignored");
    }
}
