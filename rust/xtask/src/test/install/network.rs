//! Where Pkg finds the package: a registry and the package in git repositories, and a web server that has both and the
//! libraries, by the protocol of Pkg servers and as the files of a release.
//!
//! ```text
//! git/General/                  the registry
//!     ScratchRS/                the package, and others
//! served/registries             the registry in its current state
//!        registry/<uuid>/<tree>
//!        package/<uuid>/<tree>
//!        artifact/<tree>
//!        files/<version>/       the tarballs that `Artifacts.toml` of a version binds
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use scratchrs_fs::Progress;
use scratchrs_jll::{Binding, artifacts_toml};
use scratchrs_testkit::server::Server;
use serde::Deserialize;

use crate::artifact::{File, Product, VERSION};
use crate::environment::Environment;
use crate::program;

/// What a registry says of a package.
#[derive(Deserialize)]
struct Project {
    name: String,
    uuid: String,
    version: String,
    #[serde(default)]
    deps: BTreeMap<String, String>,
    compat: BTreeMap<String, String>,
}

/// The registry that Pkg adds to an empty depot.
const REGISTRY: (&str, &str) = ("General", "23338594-aafe-5451-b93e-139f81909106");

/// The network of a machine.
pub(super) struct Network<'a> {
    environment: &'a Environment,
    products: &'a [Product],
    root: PathBuf,
    server: Server,
    /// The fault of the server in the URLs of the release: a path.
    fault: &'static str,
}

impl<'a> Network<'a> {
    /// A network in `root` on which nothing is published.
    pub(super) fn start(
        root: &Path,
        environment: &'a Environment,
        products: &'a [Product],
    ) -> Result<Self> {
        let served = root.join("served");
        scratchrs_fs::create_dir_all(&served)?;
        let server = Server::start(&served);
        Ok(Self { environment, products, root: root.to_owned(), server, fault: "" })
    }

    /// The same, with a fault in the download of libraries from the release.
    pub(super) fn with_fault(self, fault: &'static str) -> Self {
        Self { fault, ..self }
    }

    /// The URL of a path of the server.
    pub(super) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// The paths that were asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        self.server.received().into_iter().map(|received| received.target).collect()
    }

    /// The directory with the released tarballs of a version.
    pub(super) fn files(&self, version: &str) -> PathBuf {
        self.served("files").join(version)
    }

    /// Publishes a version of the package: that of the working copy with its libraries and a `change`.
    pub(super) fn publish(
        &self,
        version: &str,
        change: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let package = self.repository("ScratchRS");
        self.environment.copy_tracked(&package)?;
        let file = package.join("Project.toml");
        let text = fs::read_to_string(&file)?;
        let line = |version| format!("\nversion = \"{version}\"\n");
        fs::write(&file, text.replace(&line(VERSION), &line(version)))?;
        fs::write(package.join("Artifacts.toml"), artifacts_toml(&self.release(version)?)?)?;
        change(&package)?;
        self.publish_repository(&package)
    }

    /// Publishes the package in a directory.
    pub(super) fn publish_directory(&self, directory: &Path) -> Result<()> {
        let name = directory.file_name().context("the package has no name")?;
        let package = self.root.join("git").join(name);
        scratchrs_fs::create_dir_all(&package)?;
        scratchrs_fs::copy_tree(directory, &package, &Progress::default())??;
        self.publish_repository(&package)
    }

    /// Commits the package in a directory of `git`, and adds its version to the registry.
    fn publish_repository(&self, package: &Path) -> Result<()> {
        let text = fs::read_to_string(package.join("Project.toml"))?;
        let project: Project = toml::from_str(&text)?;
        let tree = self.commit(package, &format!("package/{}", project.uuid))?;
        self.register(&project, &tree)
    }

    /// Packs the libraries of a version, and returns what binds them. Those of another version than that of the
    /// working copy have a file more.
    fn release(&self, version: &str) -> Result<Vec<Binding>> {
        let base = self.url(&format!("{}/files/{version}", self.fault));
        let artifacts = self.served("artifact");
        scratchrs_fs::create_dir_all(&artifacts)?;
        let mut bindings = Vec::new();
        for product in self.products {
            let mut files = product.files.clone();
            if version != VERSION {
                let (path, contents) = ("share/version".to_owned(), version.into());
                files.push(File { path, contents, is_executable: false });
            }
            let product = Product { name: product.name, platform: product.platform.clone(), files };
            let tarball = product.pack(&self.files(version))?;
            fs::copy(&tarball.path, artifacts.join(tarball.tree_hash.to_string()))?;
            bindings.push(product.binding(&tarball, tarball.url_below(&base)));
        }
        Ok(bindings)
    }

    /// Adds a version of a package to the registry.
    fn register(&self, project: &Project, tree: &str) -> Result<()> {
        let (registry_name, registry_uuid) = REGISTRY;
        let registry = self.repository(registry_name);
        let Project { name, uuid, version, deps, compat } = project;
        let entry = registry.join(name);
        scratchrs_fs::create_dir_all(&entry)?;
        let repository = |name: &str| format!("repo = '{}'\n", self.repository(name).display());
        let text = format!("name = \"{name}\"\nuuid = \"{uuid}\"\n{}", repository(name));
        fs::write(entry.join("Package.toml"), text)?;
        let julia = compat.get("julia").context("`Project.toml` has no compat entry for Julia")?;
        fs::write(entry.join("Compat.toml"), format!("[0-999]\njulia = \"{julia}-1\"\n"))?;
        let deps: String =
            deps.iter().map(|(name, uuid)| format!("{name} = \"{uuid}\"\n")).collect();
        fs::write(entry.join("Deps.toml"), format!("[0-999]\n{deps}"))?;
        let versions = entry.join("Versions.toml");
        let known = fs::read_to_string(&versions).unwrap_or_default();
        fs::write(&versions, format!("{known}[\"{version}\"]\ngit-tree-sha1 = \"{tree}\"\n"))?;
        let file = registry.join("Registry.toml");
        let head = format!(
            "name = \"{registry_name}\"\nuuid = \"{registry_uuid}\"\n{}\n[packages]\n",
            repository(registry_name)
        );
        let known = fs::read_to_string(&file).unwrap_or(head);
        let line = format!("{uuid} = {{ name = \"{name}\", path = \"{name}\" }}\n");
        if !known.contains(&line) {
            fs::write(&file, known + &line)?;
        }
        let path = format!("registry/{registry_uuid}");
        let tree = self.commit(&registry, &path)?;
        Ok(fs::write(self.served("registries"), format!("/{path}/{tree}\n"))?)
    }

    /// Commits all files of a repository, serves their tree below `path`, and returns its hash.
    fn commit(&self, repository: &Path, path: &str) -> Result<String> {
        let git = |arguments: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=A", "-c", "user.email=a@example.invalid"]).arg("-C");
            git.arg(repository).args(arguments);
            program::output(git)
        };
        git(&["init", "--quiet"])?;
        git(&["add", "--all", "--force"])?;
        git(&["commit", "--quiet", "--no-gpg-sign", "--message", "A version"])?;
        let tree = git(&["rev-parse", "HEAD^{tree}"])?.trim().to_owned();
        let directory = self.served(path);
        scratchrs_fs::create_dir_all(&directory)?;
        let tarball = directory.join(&tree);
        git(&["archive", "--format=tar.gz", "--output", &tarball.to_string_lossy(), &tree])?;
        Ok(tree)
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("git").join(name)
    }

    fn served(&self, path: &str) -> PathBuf {
        self.root.join("served").join(path)
    }
}
