//! Making a package.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use scratchrs_fs::{self as fs, IfExists, Progress};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::{Sha256, TreeHash};
use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::audit::{Expectation, Finding, audit};
use crate::binary::{Binary, GlibcVersion};
use crate::dependency::Dependency;
use crate::error::{Error, Result};
use crate::name::JllName;
use crate::package::{self, Located, Variant, triplet};
use crate::product::{Product, ProductKind, check_names};
use crate::tarball::{Tarball, artifacts_toml};
use crate::tree::Tree;
use crate::version::Version;

/// What a package is made of.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    /// Its name.
    pub name: &'a JllName,
    /// Its version.
    pub version: Version,
    /// The content of the artifact for each platform; `None` for all platforms.
    pub folders: &'a [(Option<Platform>, PathBuf)],
    /// The products.
    pub products: &'a [Product],
    /// The packages that are loaded before.
    pub dependencies: &'a [Dependency],
    /// The directory that tarballs are downloaded from.
    pub url_base: &'a str,
    /// The package that opens libraries and finds programs.
    pub backend: Backend,
    /// The versions of Julia that serve, as `[compat]` of a `Project.toml` has them.
    pub julia_compat: &'a str,
    /// Where packages are installed, for the libraries of dependencies.
    pub depots: &'a [DepotPath],
    /// The newest glibc that binaries may need.
    pub glibc: GlibcVersion,
}

/// The package that opens libraries and finds programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// JLLWrappers.jl.
    #[default]
    JllWrappers,
    /// ScratchRS.
    ScratchRs,
}

/// A package that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// Its version.
    pub version: Version,
    /// Its directory.
    pub path: String,
    /// The artifacts.
    pub tarballs: Vec<BuiltTarball>,
    /// What may be right.
    pub warnings: Vec<Finding>,
}

/// The artifact of a platform.
#[derive(Clone, Debug, Serialize)]
pub struct BuiltTarball {
    /// The platform; `any` for all.
    pub platform: String,
    /// The file.
    pub path: String,
    /// The hash of the tree.
    pub git_tree_sha1: TreeHash,
    /// The digest of the file.
    pub sha256: Sha256,
    /// The size of the file.
    pub bytes: u64,
    /// Where it will be downloaded from.
    pub url: String,
}

/// Audits all folders, packs them in `<output>/products`, and writes the package `<output>/<name>_jll`.
///
/// With `force`, the files of an existing package are replaced, and its wrappers of other platforms are deleted; other
/// files are kept, such as those of git.
///
/// # Errors
///
/// Nothing is written if an argument is invalid, if the package exists without `force`, or if the audit finds an error.
/// A file cannot be read or written, or the work is cancelled: then a new package is not there yet.
pub fn build(
    recipe: &Recipe<'_>,
    output: &Path,
    force: bool,
    progress: &Progress,
) -> Result<Built> {
    check(recipe)?;
    let package = output.join(recipe.name.package());
    if !force && fs::symlink_metadata(&package)?.is_some() {
        return Err(Error::Exists(package.display().to_string()));
    }
    let warnings = audit_all(recipe, progress)?;
    let products = output.join("products");
    fs::create_dir_all(&products)?;
    let name = recipe.name.to_string();
    let (mut bindings, mut tarballs, mut variants) = (Vec::new(), Vec::new(), Vec::new());
    for (platform, folder) in recipe.folders {
        let platform = platform.as_ref();
        let triplet = triplet(platform);
        let file = format!("{name}.v{}.{triplet}.tar.gz", recipe.version.of_software());
        progress.begin(format!("Packing `{}`", folder.display()));
        let tarball = Tarball::pack(folder, products.join(file), progress)?;
        let binding = tarball.binding(&name, platform, tarball.url_below(recipe.url_base));
        tarballs.push(BuiltTarball {
            platform: triplet,
            path: tarball.path.display().to_string(),
            git_tree_sha1: tarball.tree_hash,
            sha256: tarball.packed.sha256,
            bytes: tarball.packed.size,
            url: binding.download.url.clone(),
        });
        bindings.push(binding);
        variants.push(Variant { platform, products: locate(recipe, folder, platform)? });
    }
    let bound = artifacts_toml(&bindings).map_err(|it| Error::InvalidInput(it.to_string()))?;
    write(&package, &package::files(recipe, &variants, bound))?;
    Ok(Built {
        name: recipe.name.package(),
        uuid: recipe.name.uuid().to_string(),
        version: recipe.version,
        path: package.display().to_string(),
        tarballs,
        warnings,
    })
}

/// Checks what needs no file.
fn check(recipe: &Recipe<'_>) -> Result<()> {
    let invalid = |message: String| Err(Error::InvalidInput(message));
    check_names(recipe.products)?;
    if recipe.products.is_empty() {
        return invalid("the package has no product".to_owned());
    }
    let schemes = ["https://", "http://", "file://"];
    let has_host = |scheme: &&str| {
        recipe.url_base.strip_prefix(*scheme).is_some_and(|rest| !rest.trim_matches('/').is_empty())
    };
    if !schemes.iter().any(has_host) {
        return invalid(format!(
            "invalid URL `{}`: expected the directory of the tarballs, such as \
             https://example.org/Foo-v1.2.3",
            recipe.url_base
        ));
    }
    let mut platforms = BTreeSet::new();
    for (platform, folder) in recipe.folders {
        if !platforms.insert(triplet(platform.as_ref())) {
            return invalid(format!("the platform {} is given twice", triplet(platform.as_ref())));
        }
        if !fs::is_dir(folder) {
            return invalid(format!("`{}` is not a directory", folder.display()));
        }
    }
    if platforms.is_empty() {
        return invalid("no platform is given".to_owned());
    }
    if platforms.len() > 1 && platforms.contains("any") {
        return invalid("an artifact for `any` platform is the only one of its package".to_owned());
    }
    let mut names = BTreeSet::new();
    for dependency in recipe.dependencies {
        if dependency.name == *recipe.name {
            return invalid(format!("`{dependency}` depends on itself"));
        }
        if !names.insert(&dependency.name) {
            return invalid(format!("the dependency `{dependency}` is given twice"));
        }
    }
    Ok(())
}

/// The warnings of all audits; all errors together are the error.
fn audit_all(recipe: &Recipe<'_>, progress: &Progress) -> Result<Vec<Finding>> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (platform, folder) in recipe.folders {
        let expectation = Expectation {
            platform: platform.as_ref(),
            products: recipe.products,
            dependencies: recipe.dependencies,
            depots: recipe.depots,
            glibc: recipe.glibc,
        };
        let audit = audit(folder, &expectation, progress)?;
        errors.extend(audit.errors);
        warnings.extend(audit.warnings);
    }
    if errors.is_empty() { Ok(warnings) } else { Err(Error::Audit(errors)) }
}

/// The places of the products in a folder, in the order of the wrapper.
fn locate<'a>(
    recipe: &Recipe<'a>,
    folder: &Path,
    platform: Option<&Platform>,
) -> Result<Vec<Located<'a>>> {
    let tree = Tree::list(folder)?;
    let mut located = Vec::new();
    for product in package::sorted(recipe.products) {
        // The audit has found them all.
        let Some(path) = product.locate(&tree, platform) else { continue };
        let soname = match product.kind {
            ProductKind::Library => Some(soname(&tree, &path)?),
            _ => None,
        };
        located.push(Located { product, path, soname });
    }
    Ok(located)
}

/// The name of a library for the dynamic linker: that of its file if it has no other.
fn soname(tree: &Tree, path: &str) -> Result<String> {
    let binary = Binary::read_file(fs::open(&tree.path(path))?).ok().flatten();
    let file = path.rsplit('/').next().unwrap_or(path);
    Ok(binary.and_then(|binary| binary.name).unwrap_or_else(|| file.to_owned()))
}

/// Writes the files of a package: a new one at once, those of an existing one each.
fn write(package: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    if fs::symlink_metadata(package)?.is_none() {
        let mut staging = package.as_os_str().to_owned();
        staging.push("@new");
        let staging = PathBuf::from(staging);
        fs::remove(&staging)?;
        write_each(&staging, files)?;
        if !fs::place(&staging, package, IfExists::Keep)? {
            fs::remove(&staging)?;
            return Err(Error::Exists(package.display().to_string()));
        }
        return Ok(());
    }
    write_each(package, files)?;
    let wrappers = package.join("src/wrappers");
    if fs::is_dir(&wrappers) {
        for name in fs::names(&wrappers)? {
            if name.ends_with(".jl") && !files.contains_key(&format!("src/wrappers/{name}")) {
                fs::remove(&wrappers.join(name))?;
            }
        }
    }
    Ok(())
}

fn write_each(package: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    for (path, text) in files {
        let path = package.join(path);
        fs::create_dir_all(path.parent().unwrap_or(package))?;
        fs::replace(&path, text)?;
    }
    Ok(())
}
