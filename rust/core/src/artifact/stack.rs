//! Where artifacts lie.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::Bindings;
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::{ARTIFACTS, OVERRIDES, join};
use scratchrs_model::overrides::{Cycle, Overrides, Target};

use super::bindings;
use super::report::FileDiagnostic;
use crate::error::{Error, Result};
use crate::place::in_current_directory;
use crate::project;

/// The depots of a session, or a directory that stands in for the artifacts of them all; and what is
/// said of artifacts that lie elsewhere.
#[derive(Clone, Debug)]
pub struct Stack {
    depots: Vec<String>,
    directory: Option<String>,
    overrides: Overrides,
}

impl Stack {
    /// The stack of `depots`, that of the user first. With a `directory`, artifacts are looked for
    /// and made there only, and uses are logged in the first depot nevertheless.
    ///
    /// Nothing is overridden; see [`Stack::read_overrides`].
    ///
    /// # Errors
    ///
    /// If a path is relative and there is no current directory.
    pub fn new<D: AsRef<str>>(
        depots: impl IntoIterator<Item = D>,
        directory: Option<&str>,
    ) -> Result<Self> {
        let absolute = |path: &str| Ok(in_current_directory(path)?.into_owned());
        Ok(Self {
            depots: depots
                .into_iter()
                .map(|depot| absolute(depot.as_ref()))
                .collect::<Result<_>>()?,
            directory: directory.map(absolute).transpose()?,
            overrides: Overrides::default(),
        })
    }

    /// Takes over what the `Overrides.toml` files of all depots say. Entries that make no sense are
    /// in the answer.
    ///
    /// # Errors
    ///
    /// If a file is not TOML, or is there and cannot be read.
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

    /// What is said of artifacts that lie elsewhere.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Reads a file of bindings, and puts into force what the overrides say of the names that its
    /// package gives artifacts, as Julia does when the package is loaded. The package is that of the
    /// nearest project file. None if there is no such file.
    ///
    /// # Errors
    ///
    /// As [`bindings`](super::bindings()), and if the project file cannot be read.
    pub fn load(&mut self, file: &str) -> Result<Option<Bindings>> {
        let Some(bindings) = bindings::bindings(file)? else { return Ok(None) };
        if self.overrides.by_name().next().is_some()
            && let Some(package) = project::package_of(file)?
        {
            self.overrides.apply(package, &bindings);
        }
        Ok(Some(bindings))
    }

    /// Where all of some artifacts lie by overrides that lead to the same path. None if one is not
    /// overridden, or they lie in several places.
    ///
    /// # Errors
    ///
    /// As [`Stack::candidates`].
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

    /// The same, with nothing overridden.
    pub fn without_overrides(&self) -> Self {
        Self { overrides: Overrides::default(), ..self.clone() }
    }

    /// The depots, that of the user first.
    pub fn depots(&self) -> &[String] {
        &self.depots
    }

    /// The depot of the user, to which logs are written.
    ///
    /// # Errors
    ///
    /// If the stack has no depot.
    pub fn first_depot(&self) -> Result<&str> {
        self.depots.first().map(String::as_str).ok_or_else(no_depot)
    }

    /// The directories that artifacts are looked for in, from first to last.
    pub fn directories(&self) -> Vec<String> {
        match &self.directory {
            Some(directory) => vec![directory.clone()],
            None => self.depots.iter().map(|depot| join(depot, &[ARTIFACTS])).collect(),
        }
    }

    /// The directory that artifacts are made in.
    ///
    /// # Errors
    ///
    /// If the stack has no depot.
    pub fn first_directory(&self) -> Result<String> {
        self.directories().into_iter().next().ok_or_else(no_depot)
    }

    /// Where an artifact may lie, whether it is there or not: in each of the directories, or where
    /// an override says.
    ///
    /// # Errors
    ///
    /// If overrides lead in a circle, or to another artifact of a stack without a depot.
    pub fn candidates(&self, hash: TreeHash) -> Result<Vec<String>> {
        match self.overridden(hash)? {
            Some(path) => Ok(vec![path]),
            None => Ok(self.own(hash)),
        }
    }

    /// Where an artifact lies by an override; None if there is none.
    ///
    /// # Errors
    ///
    /// As [`Stack::candidates`].
    pub fn overridden(&self, hash: TreeHash) -> Result<Option<String>> {
        match self.overrides.of_artifact(hash).map_err(|cycle| self.of_cycle(&cycle))? {
            None => Ok(None),
            Some(Target::Path(path)) => Ok(Some(path)),
            Some(Target::Artifact(other)) => first_existing(self.own(other)).map(Some),
        }
    }

    /// Which of the files is wrong cannot be told: the first one can put it right.
    fn of_cycle(&self, cycle: &Cycle) -> Error {
        let file = self.directories().into_iter().next().unwrap_or_default();
        let message = cycle.to_string();
        Error::of_diagnostic(join(&file, &[OVERRIDES]), Diagnostic::of_file(message))
    }

    fn own(&self, hash: TreeHash) -> Vec<String> {
        let name = hash.to_string();
        self.directories().iter().map(|directory| join(directory, &[&name])).collect()
    }

    /// Where an artifact lies: the first candidate that is there, or, if none is, the first.
    ///
    /// # Errors
    ///
    /// As [`Stack::candidates`], and if the stack has no depot.
    pub fn path(&self, hash: TreeHash) -> Result<String> {
        first_existing(self.candidates(hash)?)
    }

    /// Where an artifact lies that is there; None if it is not.
    ///
    /// # Errors
    ///
    /// As [`Stack::candidates`].
    pub fn find(&self, hash: TreeHash) -> Result<Option<String>> {
        Ok(self.candidates(hash)?.into_iter().find(|path| is_there(path)))
    }
}

fn is_there(path: &str) -> bool {
    fs::is_dir(Path::new(path))
}

fn first_existing(candidates: Vec<String>) -> Result<String> {
    let found = candidates.iter().position(|path| is_there(path)).unwrap_or(0);
    candidates.into_iter().nth(found).ok_or_else(no_depot)
}

fn no_depot() -> Error {
    Error::InvalidInput("there is no depot: the depot path is empty".to_owned())
}

/// The bytes of a file; None if it is missing. A directory counts as missing, as with Julia's `isfile`.
///
/// # Errors
///
/// If it cannot be read, or is something else than a file or a directory.
pub(crate) fn read_bytes(file: &str) -> Result<Option<Vec<u8>>> {
    match fs::read_up_to(Path::new(file), u64::MAX) {
        Err(error) if error.is_directory() => Ok(None),
        found => Ok(found?.map(|(bytes, _)| bytes)),
    }
}

/// The text of a file; None if there is no such file.
///
/// # Errors
///
/// As [`read_bytes`], and if it is not UTF-8.
pub(crate) fn read_text(file: &str) -> Result<Option<String>> {
    let Some(bytes) = read_bytes(file)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            Err(Error::of_diagnostic(file, Diagnostic::at(&before, at, "that is not UTF-8")))
        }
    }
}
