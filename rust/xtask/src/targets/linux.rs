//! Tests for another Linux than this machine's: `cargo xtask test --target <target>`.
//!
//! The kernel runs their programs: directly, as those for musl on the same architecture are linked statically, or
//! through qemu's user mode emulation, which `binfmt_misc` starts for programs of another architecture. Tests start
//! programs of their own, so a runner of Cargo would not be enough.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::StandardLibrary;
use super::toolchain::START_OF_MUSL;
use super::zig::Zig;
use crate::environment::Environment;
use crate::test::foreign::{Fault, Runner};

/// Where Debian's qemu looks for the C library of an emulated program. A variable can say so too, but tests clear the
/// environment of programs.
const SYSROOT: &str = "/etc/qemu-binfmt/aarch64";

/// Where the kernel lists the emulators that it starts.
const EMULATORS: &str = "/proc/sys/fs/binfmt_misc";

/// Tests that fail by a fault of qemu 7.2.
const FAULTS_OF_QEMU: [Fault; 1] = [Fault {
    test: "mounts::tests::mounts_of_this_machine_are_found",
    why: "qemu opens the folder of the emulated C library in place of `/`",
}];

/// A Linux target with programs that this machine runs.
pub(crate) struct Linux {
    target: String,
    standard_library: StandardLibrary,
    zig: Zig,
}

impl Linux {
    /// Prepares it. Fails if this machine can't run programs for the target.
    pub(crate) fn install(environment: &Environment, target: &str) -> Result<Self> {
        let architecture = target.split('-').next().unwrap_or_default();
        if architecture != std::env::consts::ARCH {
            ensure_emulated(architecture)?;
        }
        let has_library = !target.ends_with("-gnu") || Path::new(SYSROOT).exists();
        ensure!(
            has_library,
            "`{SYSROOT}` is missing: install Debian's package libc6-arm64-cross, and do as root: \
             `ln -s /usr/aarch64-linux-gnu {SYSROOT}`"
        );
        Ok(Self {
            target: target.to_owned(),
            standard_library: StandardLibrary::install(environment)?,
            zig: Zig::install(environment)?,
        })
    }
}

impl Runner for Linux {
    fn cargo(&self, environment: &Environment, subcommand: &str) -> Command {
        let mut cargo = self.zig.cargo(environment, subcommand);
        cargo.args(["--target", &self.target]);
        self.standard_library.build_with(&mut cargo);
        cargo.arg("--target-dir").arg(environment.target.join("targets"));
        if self.target.ends_with("-musl") {
            let name = self.target.to_uppercase().replace('-', "_");
            cargo.env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), START_OF_MUSL);
        }
        cargo
    }

    fn faults(&self) -> &'static [Fault] {
        if self.target.starts_with(std::env::consts::ARCH) { &[] } else { &FAULTS_OF_QEMU }
    }
}

/// Checks that the kernel starts qemu for programs of the architecture.
fn ensure_emulated(architecture: &str) -> Result<()> {
    let name = format!("qemu-{architecture}");
    let is_registered = Path::new(EMULATORS).join(&name).exists();
    ensure!(
        is_registered,
        "`{EMULATORS}/{name}` is missing: install Debian's package qemu-user-static, and where systemd does not \
         register it, do as root: \
         `mount -t binfmt_misc binfmt_misc {EMULATORS}; cat /usr/lib/binfmt.d/{name}.conf >{EMULATORS}/register`"
    );
    Ok(())
}
