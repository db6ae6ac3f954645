//! Whether the files of an artifact serve on other machines than the one that built them.
//!
//! The checks are those of BinaryBuilder's auditor (its `src/auditor`) that need no compiler. Nothing is changed.

mod build_path;
mod linkage;

use std::path::Path;

use scratchrs_fs::{self as fs, Progress};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::platform::Platform;
use serde::Serialize;

use crate::binary::{Binary, Format, GlibcVersion, Kind};
use crate::dependency::Dependency;
use crate::error::{Error, Result};
use crate::package::triplet;
use crate::product::Product;
use crate::tree::Tree;
use build_path::BuildPath;

/// What is audited against.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// The platform of the artifact; `None` for an artifact of all platforms.
    pub platform: Option<&'a Platform>,
    /// The products that it must have.
    pub products: &'a [Product],
    /// The packages whose libraries it may need.
    pub dependencies: &'a [Dependency],
    /// Where packages are installed, for the libraries of dependencies.
    pub depots: &'a [DepotPath],
    /// The newest glibc that it may need.
    pub glibc: GlibcVersion,
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The number of binaries that were read.
    pub binaries: usize,
    /// Why the artifact would not work elsewhere.
    pub errors: Vec<Finding>,
    /// What may be right.
    pub warnings: Vec<Finding>,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The platform of the artifact; `any` for all platforms.
    pub platform: String,
    /// The path of the file in the artifact; `None` if it is missing.
    pub path: Option<String>,
    /// The check that failed.
    pub check: Check,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A check of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// A product is there.
    Product,
    /// A binary can be read, and is for the platform.
    Architecture,
    /// A library has a name by which others find it.
    Soname,
    /// Libraries are searched beside the binary only.
    RunPath,
    /// No file names the directory in which it was built.
    BuildPath,
    /// No newer glibc is needed.
    Glibc,
    /// Every library that is needed is known.
    Dependency,
    /// Links lead to a place in the artifact.
    Link,
    /// The licence is in `share/licenses`.
    Licence,
}

/// Audits the artifact in the directory `root`.
///
/// # Errors
///
/// The directory or a file cannot be read, or the work is cancelled.
pub fn audit(root: &Path, expected: &Expectation<'_>, progress: &Progress) -> Result<Audit> {
    progress.begin(format!("Auditing `{}`", root.display()));
    let tree = Tree::list(root)?;
    let mut auditor = Auditor { tree: &tree, expected, audit: Audit::default() };
    let build_path = BuildPath::of(root);
    auditor.check_products();
    auditor.check_links()?;
    for path in tree.files() {
        progress.check().map_err(Error::from)?;
        let file = || fs::open(&tree.path(path));
        let is_binary = match Binary::read_file(file()?) {
            Ok(None) => false,
            Ok(Some(binary)) => {
                auditor.audit.binaries += 1;
                auditor.check_binary(path, &binary);
                true
            }
            Err(damaged) => {
                auditor.error(Check::Architecture, path, damaged.to_string(), None);
                true
            }
        };
        let found = build_path.find_in(file()?).map_err(fs::Error::on("read", tree.path(path)))?;
        if let Some(text) = found {
            let message = format!("it contains the path of this directory: `{text}`");
            if is_binary {
                let hint = "build it with a prefix that does not exist, or without paths in it";
                auditor.error(Check::BuildPath, path, message, Some(hint.to_owned()));
            } else {
                auditor.warn(Check::BuildPath, Some(path), message, None);
            }
        }
    }
    auditor.check_licence();
    Ok(auditor.audit)
}

struct Auditor<'a> {
    tree: &'a Tree,
    expected: &'a Expectation<'a>,
    audit: Audit,
}

impl Auditor<'_> {
    fn check_products(&mut self) {
        for product in self.expected.products {
            if product.locate(self.tree, self.expected.platform).is_none() {
                let message = format!("the product `{product}` is missing");
                let hint = self.hint_for_missing(product);
                self.audit.errors.push(self.finding(Check::Product, None, message, Some(hint)));
            }
        }
    }

    fn hint_for_missing(&self, product: &Product) -> String {
        let root = self.tree.root().display();
        let is_windows = self.os() == Some("windows");
        let (directory, what) = match product.kind {
            crate::product::ProductKind::File => return format!("`{root}` has no such path"),
            crate::product::ProductKind::Library if is_windows => ("bin", "libraries (`.dll`)"),
            crate::product::ProductKind::Library => ("lib", "libraries"),
            crate::product::ProductKind::Executable => ("bin", "programs that can be executed"),
        };
        let found: Vec<_> = self.tree.files_in(directory).take(5).collect();
        let found = match found.as_slice() {
            [] => "nothing".to_owned(),
            names => format!("`{}`", names.join("`, `")),
        };
        format!("{what} are searched in `{root}/{directory}`, which has {found}")
    }

    fn check_links(&mut self) -> Result<()> {
        for path in self.tree.links() {
            let place = self.tree.path(path);
            let target = fs::read_link(&place)?;
            if Path::new(&target).is_absolute() {
                let message = format!("it is a link to an absolute path: `{}`", target.display());
                self.error(Check::Link, path, message, Some("make the link relative".to_owned()));
            } else if !fs::exists(&place) {
                let message =
                    format!("it is a link to `{}`, which does not exist", target.display());
                self.warn(Check::Link, Some(path), message, None);
            }
        }
        Ok(())
    }

    fn check_licence(&mut self) {
        if !self.tree.exists("share/licenses") {
            let message = "it has no licence in `share/licenses/<name>`".to_owned();
            self.warn(Check::Licence, None, message, None);
        }
    }

    /// Whether a binary is for the platform, and can be loaded there.
    fn check_binary(&mut self, path: &str, binary: &Binary) {
        let Some(platform) = self.expected.platform else {
            let message = "an artifact for all platforms has no binaries".to_owned();
            return self.error(Check::Architecture, path, message, None);
        };
        if let Some(actual) = mismatch(binary, platform) {
            let message = format!("it is for {actual}, not for {platform}");
            return self.error(Check::Architecture, path, message, None);
        }
        // Object files are linked, not loaded.
        if binary.kind != Kind::Other {
            self.check_name(path, binary);
            self.check_linkage(path, binary, platform);
        }
    }

    fn os(&self) -> Option<&str> {
        self.expected.platform?.tag("os")
    }

    fn finding(
        &self,
        check: Check,
        path: Option<&str>,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let platform = triplet(self.expected.platform);
        Finding { platform, path: path.map(str::to_owned), check, message, hint }
    }

    fn error(&mut self, check: Check, path: &str, message: String, hint: Option<String>) {
        let finding = self.finding(check, Some(path), message, hint);
        self.audit.errors.push(finding);
    }

    fn warn(&mut self, check: Check, path: Option<&str>, message: String, hint: Option<String>) {
        let finding = self.finding(check, path, message, hint);
        self.audit.warnings.push(finding);
    }
}

/// The machine that a binary is for, if it is not that of the platform.
fn mismatch(binary: &Binary, platform: &Platform) -> Option<String> {
    let (os, arch) = (platform.tag("os")?, platform.tag("arch")?);
    let is_of_os = match binary.format {
        Format::MachO => os == "macos",
        Format::Pe => os == "windows",
        Format::Elf if binary.is_of_freebsd => os == "freebsd",
        // On FreeBSD, binaries that are not marked are taken for Linux's.
        Format::Elf => os == "linux" || os == "openbsd",
    };
    // ELF tells the versions of ARM in attributes, which are not read.
    let arch = if arch.starts_with("armv") && binary.format == Format::Elf { "arm" } else { arch };
    if is_of_os && binary.architectures.iter().any(|it| it == arch) {
        return None;
    }
    let system = match binary.format {
        Format::MachO => "macOS",
        Format::Pe => "Windows",
        Format::Elf if binary.is_of_freebsd => "FreeBSD",
        Format::Elf => "Linux",
    };
    Some(format!("{} on {}", system, binary.architectures.join(", ")))
}
