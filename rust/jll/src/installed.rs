//! The libraries of installed JLL packages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scratchrs_fs as fs;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::layout::PACKAGES;
use scratchrs_model::platform::Platform;

use crate::dependency::Dependency;
use crate::product::library_stem;

/// The libraries that a dependency has on a platform, without version and extension: those that were given, else those
/// in the wrappers of its versions that the depots have. `None` if the depots have none.
///
/// The wrappers are those that BinaryBuilder writes. Each has the names of libraries as literals, for its platform.
pub(crate) fn libraries_of(
    dependency: &Dependency,
    depots: &[DepotPath],
    platform: &Platform,
) -> Option<BTreeSet<String>> {
    if !dependency.libraries.is_empty() {
        return Some(dependency.libraries.iter().cloned().collect());
    }
    let wrapper = format!("src/wrappers/{}", wrapper_of(platform));
    let packages = depots.iter().map(|depot| depot.join(&[PACKAGES, &dependency.name.package()]));
    let versions = packages.flat_map(|package| {
        let slugs = fs::subdirectories(Path::new(&package)).unwrap_or_default();
        slugs.into_iter().map(move |slug| Path::new(&package).join(slug))
    });
    let os = platform.tag("os").unwrap_or_default();
    let text = |version: PathBuf| {
        let (text, _) = fs::read_up_to(&version.join(&wrapper), u64::MAX).ok()??;
        Some(text)
    };
    let texts = versions.filter_map(text);
    let libraries: Vec<_> =
        texts.map(|text| libraries_in(&String::from_utf8_lossy(&text), os)).collect();
    (!libraries.is_empty()).then(|| libraries.into_iter().flatten().collect())
}

/// The wrapper for the architecture, system and C library: other tags do not change the names of libraries.
fn wrapper_of(platform: &Platform) -> String {
    let is_basic = |name: &str| matches!(name, "libc" | "call_abi");
    let basic = Platform::new(
        platform.tag("arch").unwrap_or_default(),
        platform.tag("os").unwrap_or_default(),
        platform.tags().filter(|(name, _)| is_basic(name)),
    );
    format!("{}.jl", basic.as_ref().unwrap_or(platform))
}

/// The literals of a wrapper that are names or paths of libraries.
fn libraries_in(text: &str, os: &str) -> Vec<String> {
    let literals = text.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    let files = literals.filter_map(|literal| literal.rsplit(['/', '\\']).next());
    files.filter_map(|file| Some(library_stem(file, os)?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_name_libraries() {
        let wrapper = r#"export libz
JLLWrappers.@generate_wrapper_header("Zlib")
JLLWrappers.@declare_library_product(libz, "libz.so.1")
    JLLWrappers.@init_library_product(
        libz,
        "lib/libz.so",
        RTLD_LAZY | RTLD_DEEPBIND,
"#;
        assert_eq!(libraries_in(wrapper, "linux"), ["libz", "libz"]);
        assert_eq!(libraries_in("\"bin\\\\zlib1.dll\"", "windows"), ["zlib1"]);
    }

    #[test]
    fn an_installed_package_has_the_libraries_of_its_wrapper() {
        let depot = tempfile::tempdir().unwrap();
        let wrappers = depot.path().join("packages/Zlib_jll/AbCdE/src/wrappers");
        std::fs::create_dir_all(&wrappers).unwrap();
        std::fs::write(wrappers.join("x86_64-linux-gnu.jl"), "\"lib/libz.so\"").unwrap();
        let depots = [DepotPath::new(depot.path().to_str().unwrap())];
        let libraries = |dependency: &str, platform: &str| {
            let dependency = dependency.parse().unwrap();
            let found = libraries_of(&dependency, &depots, &platform.parse().unwrap());
            found.map(|names| names.into_iter().collect::<Vec<_>>().join(" "))
        };
        assert_eq!(libraries("Zlib_jll", "x86_64-linux-gnu-cxx11").as_deref(), Some("libz"));
        assert_eq!(libraries("Zlib_jll:libx", "x86_64-linux-gnu").as_deref(), Some("libx"));
        assert_eq!(libraries("Zlib_jll", "aarch64-linux-gnu"), None);
        assert_eq!(libraries("Other_jll", "x86_64-linux-gnu"), None);
    }
}
