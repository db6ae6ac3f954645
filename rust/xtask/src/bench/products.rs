//! Loading a package with products, made by `@products`, by our macros of JLLWrappers, and by JLLWrappers itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{ARTIFACT, Package, shown, write_files};
use crate::console;
use crate::environment::Environment;
use crate::julia::{self, Julia};
use crate::program;

const SCRIPT: &str = include_str!("products.jl");

/// The arguments of `cargo xtask bench products`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A checkout of JLLWrappers.jl.
    #[arg(long, value_name = "DIRECTORY")]
    jllwrappers_jl: PathBuf,
    /// A checkout of Preferences.jl, which JLLWrappers needs.
    #[arg(long, value_name = "DIRECTORY")]
    preferences_jl: PathBuf,
    /// The number of sessions of each; the best one counts.
    #[arg(long, default_value_t = 7)]
    sessions: u32,
}

/// The same package, made in one way.
struct Variant {
    name: &'static str,
    /// The package that it depends on.
    needs: Package,
    source: &'static str,
    /// Whether it has the files that BinaryBuilder writes, with calls of the macros.
    has_wrapper: bool,
    /// Packages that it needs too.
    others: Vec<Package>,
}

/// Runs the command.
pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<()> {
    let ours = || Package::at(&environment.root);
    let variants = [
        Variant {
            name: "JLLWrappers",
            needs: Package::at(&arguments.jllwrappers_jl)?,
            source: "import JLLWrappers\n",
            has_wrapper: true,
            others: vec![Package::at(&arguments.preferences_jl)?],
        },
        Variant {
            name: "our macros of JLLWrappers",
            needs: ours()?,
            source: "import ScratchRS: JLLWrappers\n",
            has_wrapper: true,
            others: Vec::new(),
        },
        Variant {
            name: "@products",
            needs: ours()?,
            source: PRODUCTS,
            has_wrapper: false,
            others: Vec::new(),
        },
    ];
    let julias: Vec<_> = julia::find(environment)
        .into_iter()
        .filter(|julia| julia.version.series() >= (1, 6))
        .collect();
    ensure!(!julias.is_empty(), "no Julia to measure with was found");
    // The library is used when packages are precompiled, not in what is measured.
    ensure!(environment.root.join("override").is_dir(), "run `cargo xtask artifact` first");
    for julia in &julias {
        measure(environment, julia, &variants, arguments.sessions)?;
    }
    Ok(())
}

/// Measures all variants in turns, so that other load of the machine affects all.
fn measure(
    environment: &Environment,
    julia: &Julia,
    variants: &[Variant],
    sessions: u32,
) -> Result<()> {
    let directory =
        environment.target.join("bench-depots").join(format!("{}-products", julia.version));
    // Each has its own depot: the packages have one name, and would replace each other's precompiled files.
    let depots: Vec<_> =
        (0..variants.len()).map(|number| directory.join(number.to_string())).collect();
    for (variant, depot) in variants.iter().zip(&depots) {
        prepare(variant, depot)?;
        // Precompiles the package.
        session(julia, depot)?;
    }
    let mut best = vec![f64::INFINITY; variants.len()];
    for _ in 0..sessions {
        for (depot, best) in depots.iter().zip(&mut best) {
            *best = best.min(session(julia, depot)?);
        }
    }
    console::result(format_args!("\nJulia {}\n\n| | load | ratio |\n|---|---|---|", julia.version));
    for (variant, time) in variants.iter().zip(&best) {
        let ratio = time / best[0];
        console::result(format_args!("| {} | {} | {ratio:.2} |", variant.name, shown(*time)));
    }
    Ok(())
}

/// Loads the package in a new session; returns the seconds.
fn session(julia: &Julia, depot: &Path) -> Result<f64> {
    let mut command = julia.command(depot);
    let mut load_path = depot.join("packages").into_os_string();
    load_path.push(":@stdlib");
    command.env("JULIA_LOAD_PATH", load_path).args(["-e", SCRIPT]);
    Ok(program::output(command)?.trim().parse()?)
}

/// Writes the package and its artifact.
fn prepare(variant: &Variant, depot: &Path) -> Result<()> {
    let packages = depot.join("packages");
    fs::create_dir_all(&packages)?;
    for package in variant.others.iter().chain([&variant.needs]) {
        let link = packages.join(&package.name);
        scratchrs_fs::remove(&link)?;
        std::os::unix::fs::symlink(&package.directory, &link)?;
    }
    let Package { name, uuid, .. } = &variant.needs;
    let project = format!("{PROJECT}{name} = \"{uuid}\"\n");
    let (begin, end) = if variant.has_wrapper {
        ("baremodule Foo_jll\nusing Base\n", MAIN)
    } else {
        ("module Foo_jll\n", "")
    };
    let mut files = vec![
        ("Project.toml", project),
        ("src/Foo_jll.jl", format!("{begin}{}{end}end\n", variant.source)),
        ("Artifacts.toml", format!("[Foo]\ngit-tree-sha1 = \"{ARTIFACT}\"\n")),
    ];
    fs::create_dir_all(packages.join("Foo_jll/src/wrappers"))?;
    if variant.has_wrapper {
        files.push(("src/wrappers/any.jl", WRAPPER.to_owned()));
    }
    write_files(&packages.join("Foo_jll"), &files)?;
    fill(&depot.join("artifacts").join(ARTIFACT))
}

/// Fills the artifact.
fn fill(artifact: &Path) -> Result<()> {
    for directory in ["lib", "bin", "share"] {
        fs::create_dir_all(artifact.join(directory))?;
    }
    let source = artifact.join("share/foo.c");
    fs::write(&source, "int foo_answer(void) { return 42; }\n")?;
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(artifact.join("lib/libfoo.so")).arg(&source);
    program::run(cc)?;
    let executable = artifact.join("bin/foo");
    fs::write(&executable, "#!/bin/sh\n")?;
    fs::set_permissions(&executable, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("could not make `{}` executable", executable.display()))
}

/// The project file, to which the last dependency is added.
const PROJECT: &str = r#"name = "Foo_jll"
uuid = "f00f00f0-5efc-54fc-8249-22745bc95a49"

[deps]
Artifacts = "56f22d72-fd6d-98f1-02f0-08ddc0907c33"
Libdl = "8f399da3-3557-5675-b5ff-fb832c97cbdb"
"#;

const PRODUCTS: &str = r#"using ScratchRS
@products "Foo" LibraryProduct("libfoo", :libfoo) ExecutableProduct("foo", :foo) FileProduct("share/foo.c", :foo_c)
"#;

/// What BinaryBuilder writes.
const MAIN: &str = r#"JLLWrappers.@generate_main_file_header("Foo")
JLLWrappers.@generate_main_file("Foo", Base.UUID("f00f00f0-5efc-54fc-8249-22745bc95a49"))
"#;
const WRAPPER: &str = r#"export libfoo, foo, foo_c
JLLWrappers.@generate_wrapper_header("Foo")
JLLWrappers.@declare_library_product(libfoo, "libfoo.so")
JLLWrappers.@declare_executable_product(foo)
JLLWrappers.@declare_file_product(foo_c)
function __init__()
    JLLWrappers.@generate_init_header()
    JLLWrappers.@init_library_product(libfoo, "lib/libfoo.so", RTLD_LAZY | RTLD_DEEPBIND)
    JLLWrappers.@init_executable_product(foo, "bin/foo")
    JLLWrappers.@init_file_product(foo_c, "share/foo.c")
    JLLWrappers.@generate_init_footer()
end
"#;
