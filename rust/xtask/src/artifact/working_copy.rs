//! `override/` of the working copy: the libraries and the program, as the packages that JLLWrappers makes for
//! development have them. The package prefers them to installed artifacts (`julia/native/Binding.jl`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Product;
use super::tree::{self, File};
use crate::console;

/// Writes the files of the products, and deletes libraries that they no longer have.
///
/// Each file is replaced by a rename: a running Julia may have the old one in its memory.
pub(super) fn fill(root: &Path, products: &[Product]) -> Result<()> {
    let directory = root.join("override");
    let mut written = BTreeSet::new();
    for product in products {
        for file in &product.files {
            let Some(path) = place(file, product.platform.tag("julia_version")) else { continue };
            let path = directory.join(path);
            write(file, &path)?;
            written.insert(path);
        }
    }
    delete_others(&directory, &written)?;
    console::status("Filled", directory.display());
    Ok(())
}

/// The path of a file in `override/`: as in its artifact, but the libraries for several versions of Julia have
/// a directory each. `None` for a licence, which a working copy has elsewhere.
fn place(file: &File, julia_version: Option<&str>) -> Option<PathBuf> {
    let (directory, name) = file.path.rsplit_once('/')?;
    if directory.starts_with("share/") {
        return None;
    }
    let mut place = PathBuf::from(directory);
    if let Some((minor, _)) = julia_version.and_then(|version| version.rsplit_once('.')) {
        place.push(format!("julia-{minor}"));
    }
    Some(place.join(name))
}

fn write(file: &File, path: &Path) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == file.contents) {
        return Ok(());
    }
    scratchrs_fs::create_dir_all(path.parent().unwrap_or(path))?;
    scratchrs_fs::replace(path, &file.contents)?;
    tree::set_mode(path, file.mode())
        .with_context(|| format!("could not make `{}` executable", path.display()))
}

/// Deletes all files in `directory` but those of `kept`.
fn delete_others(directory: &Path, kept: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in walkdir::WalkDir::new(directory) {
        let entry = entry?;
        if !entry.file_type().is_dir() && !kept.contains(entry.path()) {
            scratchrs_fs::remove(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use scratchrs_model::platform::Platform;

    fn product(julia_version: Option<&str>, paths: &[&str]) -> Product {
        let file = |path: &&str| File {
            path: (*path).to_owned(),
            contents: (*path).into(),
            is_executable: path.starts_with("bin/"),
        };
        Product {
            name: "product",
            platform: Platform::new(
                "x86_64",
                "linux",
                julia_version.map(|it| ("julia_version", it)),
            )
            .unwrap(),
            files: paths.iter().map(file).collect(),
        }
    }

    fn files(directory: &Path) -> Vec<String> {
        let entries = walkdir::WalkDir::new(directory).sort_by_file_name();
        let files = entries.into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
        files
            .map(|entry| entry.path().strip_prefix(directory).unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn each_julia_has_its_library_and_no_old_one_stays() {
        let root = tempfile::tempdir().unwrap();
        let portable = product(None, &["lib/liba.so", "bin/a", "share/licenses/a/LICENSE"]);
        let jlrs = |version| product(Some(version), &["lib/liba_jlrs.so"]);
        fill(root.path(), &[portable, jlrs("1.10.0"), jlrs("1.12.0")]).unwrap();
        let directory = root.path().join("override");
        let expected =
            ["bin/a", "lib/julia-1.10/liba_jlrs.so", "lib/julia-1.12/liba_jlrs.so", "lib/liba.so"];
        assert_eq!(files(&directory), expected);

        let library = directory.join("lib/liba.so");
        fs::write(&library, "changed").unwrap();
        let open = fs::File::open(&library).unwrap();
        fill(root.path(), &[product(None, &["lib/liba.so", "bin/a"]), jlrs("1.12.0")]).unwrap();
        assert_eq!(files(&directory), ["bin/a", "lib/julia-1.12/liba_jlrs.so", "lib/liba.so"]);
        assert_eq!(fs::read(&library).unwrap(), b"lib/liba.so");
        // The old file is still whole.
        assert_eq!(open.metadata().unwrap().len(), 7);
    }
}
