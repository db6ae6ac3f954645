//! `cargo xtask test --install`: installs the package with Pkg, as its users do.
//!
//! Each stage has a machine of its own ([`Machine`]) on which there is no Rust, no working copy and no depot, but
//! Julia. A web server and git repositories on disk stand for the network ([`Network`]). The scripts in
//! `test/install/` are the sessions of a user. They run under strace, and fail if they read files elsewhere.

mod jlls;
mod machine;
mod network;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{Stages, isolation};
use crate::artifact::{self, VERSION};
use crate::environment::Environment;
use crate::julia::Julia;
use machine::Machine;
use network::Network;

/// A later version of the package.
const NEXT: &str = "999.0.0";

/// What happens in a stage.
#[derive(Clone, Copy)]
enum Story {
    /// Adding, updating, copying and removing the package; registry, package and libraries come from a Pkg server.
    PkgServer,
    /// The same with git repositories and the server of a release.
    Git,
    /// Adding the package while its libraries can't be downloaded, and packages that their libraries do not fit.
    Faults,
    /// Several environments and processes with one depot, and a depot that was moved or is read-only.
    Depots,
    /// Packages with products that `scratchrs jll` made, one of which needs the library of the other.
    Jlls,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PkgServer => "from a Pkg server",
            Self::Git => "from git",
            Self::Faults => "despite faults",
            Self::Depots => "in shared depots",
            Self::Jlls => "with JLL packages",
        })
    }
}

/// Runs all stages.
pub(super) fn stages(environment: &Environment, julias: &[Julia], stages: &mut Stages) {
    let built = stages.run("libraries to install", || artifact::products(environment, julias));
    let missing = isolation::missing();
    if let Some(why) = &missing {
        stages.skips.add("isolation of installations from other files and the network", why);
    }
    let can_mount = machine::can_mount();
    if !can_mount {
        stages
            .skips
            .add("an installation on a read-only file system", "it takes the right to mount");
    }
    let stories = [Story::PkgServer, Story::Git, Story::Faults, Story::Depots];
    let mut all: Vec<_> =
        julias.iter().flat_map(|julia| stories.map(|story| (julia, story))).collect();
    let of_this_pkg = julias.iter().filter(|julia| julia.version.series() >= (1, 6));
    all.extend(of_this_pkg.map(|julia| (julia, Story::Jlls)));
    let name =
        |(julia, story): &(&Julia, Story)| format!("installation {story}, Julia {}", julia.version);
    stages.run_together(&all, name, |&(julia, story), output| {
        let (products, _) = built.as_ref().context("the stage `libraries to install` failed")?;
        let directory = tempfile::Builder::new().prefix("scratchrs-install-").tempdir()?;
        let root = fs::canonicalize(directory.path())?;
        let machine = Machine::set_up(&root, environment, julia, missing.is_none(), output)?;
        let network = Network::start(&root, environment, products)?;
        match story {
            Story::PkgServer => by_pkg_server(machine, &network),
            Story::Git => by_git(&machine, &network),
            Story::Faults => with_faults(&machine, network),
            Story::Depots => in_shared_depots(&machine, &network, can_mount),
            Story::Jlls => with_jlls(&machine, &network, &root),
        }
    });
}

fn with_jlls(machine: &Machine<'_>, network: &Network<'_>, root: &Path) -> Result<()> {
    jlls::publish(root, network)?;
    machine.run("jlls", &[])
}

fn by_pkg_server(machine: Machine<'_>, network: &Network<'_>) -> Result<()> {
    use_package(&machine.with_pkg_server(network.url("")), network)?;
    let asked = network.requests();
    let has = |start: &str| asked.iter().any(|target| target.starts_with(start));
    let kinds = ["/registry/", "/package/", "/artifact/"];
    ensure!(kinds.into_iter().all(has) && !has("/files/"), "Pkg asked for {asked:?}");
    Ok(())
}

fn by_git(machine: &Machine<'_>, network: &Network<'_>) -> Result<()> {
    use_package(machine, network)?;
    let asked = network.requests();
    let is_of_release = |target: &String| target.starts_with("/files/");
    ensure!(!asked.is_empty() && asked.iter().all(is_of_release), "Pkg asked for {asked:?}");
    Ok(())
}

/// Adds, uses, updates, copies and removes the package.
fn use_package(machine: &Machine<'_>, network: &Network<'_>) -> Result<()> {
    network.publish(VERSION, |_| Ok(()))?;
    machine.run("add", &[VERSION])?;
    network.publish(NEXT, |_| Ok(()))?;
    machine.run("update", &[NEXT])?;
    machine.with_copied_environment()?.run("instantiate", &[NEXT])?;
    machine.run("remove", &[])
}

fn with_faults(machine: &Machine<'_>, network: Network<'_>) -> Result<()> {
    // Each download of a library breaks off.
    let network = network.with_fault("/@truncate:100000");
    network.publish("0.0.1", |_| Ok(()))?;
    let network = network.with_fault("");
    network.publish(VERSION, |_| Ok(()))?;
    machine.run("faults", &["0.0.1", VERSION, &network.files(VERSION).to_string_lossy()])?;
    // An older package with a newer library, and the reverse.
    for other in ["0.0.2", NEXT] {
        network.publish(other, change_operations)?;
        machine.run("mismatch", &[other, VERSION])?;
    }
    Ok(())
}

fn in_shared_depots(machine: &Machine<'_>, network: &Network<'_>, can_mount: bool) -> Result<()> {
    network.publish(VERSION, |_| Ok(()))?;
    network.publish(NEXT, |_| Ok(()))?;
    machine.run("versions", &[VERSION, NEXT])?;
    for version in [VERSION, NEXT] {
        machine.run("use", &[version])?;
    }
    machine.run("workers", &[VERSION])?;
    if machine.has_package_images() {
        machine.clone().with_option("--pkgimages=no").run("use", &[VERSION])?;
    }
    let moved = machine.with_moved_depot()?;
    moved.run("moved", &[VERSION])?;
    if can_mount {
        moved.with_read_only_depot().run("read_only", &[VERSION])?;
    }
    Ok(())
}

/// Gives a package another list of operations than its library has.
fn change_operations(package: &Path) -> Result<()> {
    let file = package.join("julia/native/operations.jl");
    let text = fs::read_to_string(&file)?;
    let line = text.lines().find(|line| line.starts_with("const ABI = "));
    let line = line.context("`julia/native/operations.jl` has no ABI number")?;
    Ok(fs::write(&file, text.replace(line, "const ABI = 0x0123456789abcdef"))?)
}
