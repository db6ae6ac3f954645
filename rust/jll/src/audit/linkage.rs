//! What a binary needs to be loaded.

use scratchrs_model::platform::Platform;

use super::{Auditor, Check};
use crate::binary::{Binary, Format, Kind};
use crate::installed::libraries_of;
use crate::product::library_stem;
use crate::system::provider;

/// What a run path may begin with: the directory of the binary, or of the program.
const RELATIVE: [&str; 4] = ["$ORIGIN", "${ORIGIN}", "@loader_path", "@executable_path"];

impl Auditor<'_> {
    /// Whether a library has a name, and a file of that name is beside it. Windows finds libraries by their files.
    pub(super) fn check_name(&mut self, path: &str, binary: &Binary) {
        if binary.kind != Kind::Library || binary.format == Format::Pe {
            return;
        }
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(name) = &binary.name else {
            if library_stem(file, self.os().unwrap_or_default()).is_some()
                && is_lib_directory(directory)
            {
                let message =
                    "it has no soname, by which other libraries find it once it is loaded"
                        .to_owned();
                let hint =
                    format!("link it with `-Wl,-soname,{file}`, or `patchelf --set-soname {file}`");
                self.error(Check::Soname, path, message, Some(hint));
            }
            return;
        };
        let (word, option) = match binary.format {
            Format::MachO => ("install name", "-install_name,@rpath/"),
            _ => ("soname", "-soname,"),
        };
        let expected = name.strip_prefix("@rpath/").unwrap_or(name);
        let beside = if directory.is_empty() {
            expected.to_owned()
        } else {
            format!("{directory}/{expected}")
        };
        if expected.contains('/') {
            let message = format!("its {word} is a path: `{name}`");
            let hint = format!("link it with `-Wl,{option}{file}`");
            self.error(Check::Soname, path, message, Some(hint));
        } else if !self.tree.is_file(&beside) {
            let message = format!("its {word} is `{name}`, and no file of that name is beside it");
            let hint =
                format!("link it with `-Wl,{option}{file}`, or add a link `{expected}` to it");
            self.error(Check::Soname, path, message, Some(hint));
        }
    }

    /// Whether the libraries that a binary needs are where they are searched.
    pub(super) fn check_linkage(&mut self, path: &str, binary: &Binary, platform: &Platform) {
        for run_path in &binary.run_paths {
            if !RELATIVE.iter().any(|start| run_path.starts_with(start)) {
                let message =
                    format!("it has the run path `{run_path}`, which other machines lack");
                let hint = "link it without, or with a run path that begins with `$ORIGIN` or `@loader_path`";
                self.error(Check::RunPath, path, message, Some(hint.to_owned()));
            }
        }
        let newer: Vec<_> = binary
            .glibc_symbols()
            .filter(|(_, version)| *version > self.expected.glibc)
            .map(|(symbol, _)| format!("`{symbol}`"))
            .collect();
        if !newer.is_empty() {
            let message = format!(
                "it needs a newer glibc than {}: {}",
                self.expected.glibc,
                newer.join(", ")
            );
            let hint = "build it on an older system, or with `zig cc -target …-linux-gnu.2.17`; `--glibc` sets the limit";
            self.error(Check::Glibc, path, message, Some(hint.to_owned()));
        }
        for library in &binary.needed {
            if provider(library, platform).is_none() && !self.has_library(library) {
                self.check_dependency(path, library, platform);
            }
        }
    }

    /// Whether the artifact has a library.
    fn has_library(&self, library: &str) -> bool {
        let file = file_of(library);
        let directories = ["lib", "lib64", "bin"];
        !library.starts_with('/')
            && directories.iter().any(|it| self.tree.is_file(&format!("{it}/{file}")))
    }

    /// Whether a dependency has a library.
    fn check_dependency(&mut self, path: &str, library: &str, platform: &Platform) {
        let file = file_of(library);
        let stem = library_stem(file, self.os().unwrap_or_default()).unwrap_or(file);
        let mut unknown = None;
        for dependency in self.expected.dependencies {
            match libraries_of(dependency, self.expected.depots, platform) {
                Some(libraries) if libraries.contains(stem) => return,
                Some(_) => {}
                None => unknown = Some(dependency),
            }
        }
        if let Some(dependency) = unknown {
            let message =
                format!("it needs the library `{library}`, which `{dependency}` may have");
            let hint = format!(
                "add `{dependency}` to a depot, or name its libraries: `--dependency {dependency}:{stem}`"
            );
            self.warn(Check::Dependency, Some(path), message, Some(hint));
        } else {
            let message = format!("it needs the library `{library}`, which no dependency has");
            let hint = format!(
                "name the JLL package that has it: `--dependency NAME_jll:{stem}`, or add it to the artifact"
            );
            self.error(Check::Dependency, path, message, Some(hint));
        }
    }
}

fn file_of(library: &str) -> &str {
    library.rsplit('/').next().unwrap_or(library)
}

/// Whether libraries are in this directory that others are linked with. Plugins elsewhere need no name.
fn is_lib_directory(directory: &str) -> bool {
    matches!(directory, "lib" | "lib64")
}
