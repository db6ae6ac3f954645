//! A depot on a file system that is mounted read-only, where the superuser can't write either.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::process::{Command, Output};

use scratchrs_testkit::{DepotLab, skip};

/// Runs the worker with the depot `read_only` mounted read-only, and all other mounts unchanged.
/// `None` if that is not possible.
fn collect(lab: &DepotLab, read_only: &DepotLab, more: &[&str]) -> Option<Output> {
    const SCRIPT: &str = "ro=$1; shift; mount --bind \"$ro\" \"$ro\" && \
                          mount -o remount,bind,ro \"$ro\" || exit 99; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "sh", read_only.depot()]);
    command.args([env!("CARGO_BIN_EXE_scratchrs-worker"), "collect", lab.depot(), "--all-depots"]);
    command.args(["--behind", read_only.depot()]).args(more);
    let missing = match command.output() {
        Ok(output) if output.status.code() == Some(99) => "mount --bind fails".to_owned(),
        Ok(output) if String::from_utf8_lossy(&output.stderr).starts_with("unshare: ") => {
            "unshare --mount fails".to_owned()
        }
        Ok(output) => return Some(output),
        Err(error) => format!("no unshare: {error}"),
    };
    skip("a depot that is mounted read-only", &missing);
    None
}

#[test]
fn collection_of_a_stack_stops_at_a_read_only_mount() {
    let artifact = format!("artifacts/{}/file", "2".repeat(40));
    for has_artifact in [false, true] {
        let (lab, behind) = (DepotLab::new(), DepotLab::new());
        lab.write(&artifact, "x");
        behind.write("logs/manifest_usage.toml", "");
        if has_artifact {
            behind.write(&artifact, "x");
        }
        let before = behind.tree();
        for more in [&["--dry-run"][..], &[]] {
            let Some(output) = collect(&lab, &behind, more) else { return };
            let said = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{more:?}: {errors}");
            assert!(!said.contains("failed ") && said.contains("collected 1 in 1"), "{said}");
            assert_eq!(said.contains("is not writable, and has 1 item"), has_artifact, "{said}");
        }
        assert!(!lab.path(&artifact).exists());
        assert_eq!(behind.tree(), before);
    }
}
