//! The paths of artifacts in a depot stack.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::Bindings;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{ARTIFACTS, OVERRIDES, join};
use scratchrs_model::overrides::{Cycle, Overrides, Target};

use super::bindings;
use super::report::FileDiagnostic;
use crate::document::read_text;
use crate::error::{Error, Result};
use crate::place::in_current_directory;
use crate::project;

/// The depots of a session, or one directory that replaces their `artifacts` directories; and the
/// overrides of artifacts.
#[derive(Clone, Debug)]
pub struct Stack {
    depots: Vec<DepotPath>,
    directory: Option<String>,
    overrides: Overrides,
}

impl Stack {
    /// The stack of `depots`, the depot of the user first. With a `directory`, artifacts are found
    /// and created only there; uses are still logged in the first depot.
    ///
    /// The stack has no overrides; see [`Stack::read_overrides`].
    ///
    /// # Errors
    ///
    /// If a path is relative and the current directory does not exist.
    pub fn new<D: AsRef<str>>(
        depots: impl IntoIterator<Item = D>,
        directory: Option<&str>,
    ) -> Result<Self> {
        let absolute = |path: &str| Ok(in_current_directory(path)?.into_owned());
        let depot = |depot: D| absolute(depot.as_ref()).map(DepotPath::new);
        Ok(Self {
            depots: depots.into_iter().map(depot).collect::<Result<_>>()?,
            directory: directory.map(absolute).transpose()?,
            overrides: Overrides::default(),
        })
    }

    /// Reads the `Overrides.toml` files of all depots, and replaces the overrides of the stack.
    /// Returns the diagnostics of invalid entries.
    ///
    /// # Errors
    ///
    /// If a file is not TOML, or cannot be read.
    pub fn read_overrides(&mut self) -> Result<Vec<FileDiagnostic>> {
        let mut overrides = Overrides::default();
        let mut diagnostics = Vec::new();
        for directory in self.directories().into_iter().rev() {
            let file = join(&directory, &[OVERRIDES]);
            let Some(text) = read_text(&file)? else { continue };
            let found = overrides
                .merge(&text)
                .map_err(|diagnostic| Error::of_diagnostic(&file, diagnostic))?;
            let in_file = |diagnostic| FileDiagnostic { file: file.clone(), diagnostic };
            diagnostics.extend(found.into_iter().map(in_file));
        }
        self.overrides = overrides;
        Ok(diagnostics)
    }

    /// The overrides.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Reads a file of bindings, and applies the overrides by name for its package, as Julia does
    /// when it loads the package. The nearest project file determines the package. `None` if the
    /// file of bindings does not exist.
    ///
    /// # Errors
    ///
    /// The errors of [`bindings`](super::bindings()), and if the project file cannot be read.
    pub fn load(&mut self, file: &str) -> Result<Option<Bindings>> {
        let Some(bindings) = bindings::bindings(file)? else { return Ok(None) };
        if self.overrides.by_name().next().is_some()
            && let Some(package) = project::package_of(file)?
        {
            self.overrides.apply(package, &bindings);
        }
        Ok(Some(bindings))
    }

    /// The path to which overrides redirect all these artifacts. `None` if one has no override, or
    /// the paths differ.
    ///
    /// # Errors
    ///
    /// The errors of [`Stack::candidates`].
    pub(super) fn overridden_together(&self, hashes: &[TreeHash]) -> Result<Option<String>> {
        let mut together = None;
        for hash in hashes {
            let Some(path) = self.overridden(*hash)? else { return Ok(None) };
            if together.as_ref().is_some_and(|known| *known != path) {
                return Ok(None);
            }
            together = Some(path);
        }
        Ok(together)
    }

    /// This stack without overrides.
    pub fn without_overrides(&self) -> Self {
        Self { overrides: Overrides::default(), ..self.clone() }
    }

    /// The depots, the depot of the user first.
    pub fn depots(&self) -> &[DepotPath] {
        &self.depots
    }

    /// The depot of the user, which has the written logs.
    ///
    /// # Errors
    ///
    /// If the stack has no depot.
    pub fn first_depot(&self) -> Result<&DepotPath> {
        self.depots.first().ok_or_else(no_depot)
    }

    /// The directory that replaces the directories of artifacts of the depots.
    pub(super) fn replacement(&self) -> Option<&str> {
        self.directory.as_deref()
    }

    /// The directories that may have artifacts, in the order in which they are searched.
    pub fn directories(&self) -> Vec<String> {
        match &self.directory {
            Some(directory) => vec![directory.clone()],
            None => self.depots.iter().map(|depot| depot.join(&[ARTIFACTS])).collect(),
        }
    }

    /// The paths at which an artifact may exist: one in each directory, or the target of its
    /// override.
    ///
    /// # Errors
    ///
    /// If overrides form a cycle, or redirect to another artifact and the stack has no depot.
    pub fn candidates(&self, hash: TreeHash) -> Result<Vec<String>> {
        match self.overridden(hash)? {
            Some(path) => Ok(vec![path]),
            None => Ok(self.own(hash)),
        }
    }

    /// The path to which an override redirects an artifact, or `None`.
    ///
    /// # Errors
    ///
    /// The errors of [`Stack::candidates`].
    pub fn overridden(&self, hash: TreeHash) -> Result<Option<String>> {
        match self.overrides.of_artifact(hash).map_err(|cycle| self.of_cycle(&cycle))? {
            None => Ok(None),
            Some(Target::Path(path)) => Ok(Some(path)),
            Some(Target::Artifact(other)) => first_existing(self.own(other)).map(Some),
        }
    }

    /// A cycle can involve several files. The error names the first one, which can override the
    /// others.
    fn of_cycle(&self, cycle: &Cycle) -> Error {
        let file = self.directories().into_iter().next().unwrap_or_default();
        let message = cycle.to_string();
        Error::of_diagnostic(join(&file, &[OVERRIDES]), Diagnostic::of_file(message))
    }

    fn own(&self, hash: TreeHash) -> Vec<String> {
        let name = hash.to_string();
        self.directories().iter().map(|directory| join(directory, &[&name])).collect()
    }

    /// The path of an artifact: the first existing candidate, or the first candidate if none
    /// exists.
    ///
    /// # Errors
    ///
    /// The errors of [`Stack::candidates`], and if the stack has no depot.
    pub fn path(&self, hash: TreeHash) -> Result<String> {
        first_existing(self.candidates(hash)?)
    }

    /// The path of an installed artifact, or `None` if it is not installed.
    ///
    /// # Errors
    ///
    /// The errors of [`Stack::candidates`].
    pub fn find(&self, hash: TreeHash) -> Result<Option<String>> {
        Ok(self.candidates(hash)?.into_iter().find(|path| is_installed(path)))
    }
}

fn is_installed(path: &str) -> bool {
    fs::is_dir(Path::new(path))
}

fn first_existing(candidates: Vec<String>) -> Result<String> {
    let found = candidates.iter().position(|path| is_installed(path)).unwrap_or(0);
    candidates.into_iter().nth(found).ok_or_else(no_depot)
}

fn no_depot() -> Error {
    Error::InvalidInput("the depot path is empty".to_owned())
}
