//! JLL packages that `scratchrs jll` makes of what a compiler built: one with a library, and one with a library and a
//! program that need it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use scratchrs_fs::Progress;
use scratchrs_jll::build::{Backend, Recipe, build};
use scratchrs_jll::{Dependency, Product};

use super::network::Network;
use crate::artifact::VERSION;
use crate::program;
use crate::targets::Target;

/// The library of the first package.
const NUMBERS: &str = "int next_number(int x) { return x + 1; }\n";
/// That of the second one.
const SQUARES: &str =
    "int next_number(int); int next_square(int x) { int n = next_number(x); return n * n; }\n";
/// And its program.
const PROGRAM: &str = "#include <stdio.h>\nint next_square(int);\nint main(void) { printf(\"%d\\n\", next_square(11)); return 0; }\n";

/// Builds both in `directory`, and publishes ScratchRS and them.
pub(super) fn publish(directory: &Path, network: &Network<'_>) -> Result<()> {
    let folder = |name: &str| directory.join("built").join(name);
    let (numbers, squares) = (folder("numbers"), folder("squares"));
    let search = format!("-L{}", numbers.join("lib").display());
    compile(&numbers, "lib/libnumbers.so", NUMBERS, &["-shared", "-Wl,-soname,libnumbers.so"])?;
    let flags = ["-shared", "-Wl,-soname,libsquares.so", &search, "-lnumbers"];
    compile(&squares, "lib/libsquares.so", SQUARES, &flags)?;
    let flags = ["-Llib", &search, "-lsquares", "-lnumbers"];
    compile(&squares, "bin/squares", PROGRAM, &flags)?;
    network.publish(VERSION, |_| Ok(()))?;
    let package = |name: &str, folder: &Path, products: &[&str], dependencies: &[&str]| {
        let products = products.iter().map(|it| it.parse()).collect::<Result<Vec<Product>, _>>()?;
        let dependencies = dependencies.iter().map(|it| it.parse());
        let dependencies = dependencies.collect::<Result<Vec<Dependency>, _>>()?;
        let folders = [(Some(Target::host()?.platform()?), folder.to_owned())];
        let recipe = Recipe {
            name: &name.parse()?,
            version: "1.0.0+0".parse()?,
            folders: &folders,
            products: &products,
            dependencies: &dependencies,
            depots: &[],
            url_base: &network.url("/files/jlls"),
            backend: Backend::ScratchRs,
            julia_compat: "1.6",
            // They run on this machine only.
            glibc: "99.0".parse()?,
        };
        let made = build(&recipe, &directory.join("made"), false, &Progress::default())?;
        let files = network.files("jlls");
        scratchrs_fs::create_dir_all(&files)?;
        for tarball in &made.tarballs {
            let path = PathBuf::from(&tarball.path);
            std::fs::copy(&path, files.join(path.file_name().context("it has a name")?))?;
        }
        network.publish_directory(Path::new(&made.path))
    };
    package("Numbers", &numbers, &["library:libnumbers"], &[])?;
    let products = ["library:libsquares", "executable:squares"];
    package("Squares", &squares, &products, &["Numbers_jll:libnumbers"])
}

/// Compiles C code to a file of a folder, which is the current directory.
fn compile(folder: &Path, path: &str, source: &str, flags: &[&str]) -> Result<()> {
    scratchrs_fs::create_dir_all(folder.join(path).parent().unwrap_or(folder))?;
    let code = folder.with_extension("c");
    std::fs::write(&code, source)?;
    let mut compiler = Command::new("cc");
    compiler.current_dir(folder).args(["-fPIC", "-o", path]).arg(code).args(flags);
    program::run(compiler)
}
