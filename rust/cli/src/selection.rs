//! The artifact, the file of bindings and the platform of a command.

use std::path::Path;

use scratchrs_core::artifact::{self, Stack};
use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::{Bindings, Entry, FILE_NAMES, Host};
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::join;
use scratchrs_model::platform::Platform;
use scratchrs_text::human::visible;

use crate::failure::{Code, Failure, Result};
use crate::machine::this_machine;
use crate::session::Session;

/// An artifact, and the file and platform of its binding.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct One {
    /// The name or hash of an artifact
    pub(crate) artifact: String,

    #[command(flatten)]
    scope: Scope,
}

/// The options for the file of bindings and the platform.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Scope {
    #[command(flatten)]
    pub(crate) file: FileOption,

    #[command(flatten)]
    pub(crate) platform: PlatformOption,
}

/// The option for the file of bindings.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct FileOption {
    /// The file of bindings, or its directory [default: the nearest Artifacts.toml in this directory or
    /// above, up to that of the project]
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
}

/// The option for the platform.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct PlatformOption {
    /// The platform, such as `x86_64-linux-gnu-libgfortran5`, or with tags such as
    /// `aarch64-apple-darwin-julia_version+1.10.0` [default: this machine, with unknown versions of
    /// Julia and libraries]
    #[arg(long, value_name = "TRIPLET", value_parser = parse_platform)]
    platform: Option<Platform>,
}

/// The artifact of a command.
pub(crate) struct Selected {
    pub(crate) hash: TreeHash,
    /// Its binding, unless it was given by its hash.
    pub(crate) binding: Option<Binding>,
}

/// A binding, and its file.
pub(crate) struct Binding {
    pub(crate) file: String,
    pub(crate) entry: Entry,
}

impl FileOption {
    /// The absolute path of the file; `None` if no file is found.
    pub(crate) fn find(&self, session: &Session) -> Result<Option<String>> {
        match &self.file {
            Some(file) => self.given(session, file).map(Some),
            None => match &session.environment.current_directory {
                Some(directory) => Ok(artifact::file_above(directory)?),
                None => Ok(None),
            },
        }
    }

    /// The absolute path of the file, which must exist.
    pub(crate) fn existing(&self, session: &Session) -> Result<String> {
        match self.find(session)? {
            Some(file) if fs::is_file(Path::new(&file)) => Ok(file),
            Some(file) => {
                let message = format!("`{file}` does not exist");
                Err(Failure::new(Code::NotFound, message).about(file))
            }
            None => {
                let message = "no Artifacts.toml in this directory or above";
                Err(Failure::new(Code::NotFound, message)
                    .hint("pass a file: `--file path/to/Artifacts.toml`"))
            }
        }
    }

    /// The absolute path of the file, which may be missing.
    pub(crate) fn or_new(&self, session: &Session) -> Result<String> {
        match self.find(session)? {
            Some(file) => Ok(file),
            None => self.given(session, "."),
        }
    }

    pub(crate) fn is_given(&self) -> bool {
        self.file.is_some()
    }

    /// The absolute path of the file that was given by its path or directory.
    fn given(&self, session: &Session, file: &str) -> Result<String> {
        if file.is_empty() {
            return Err(Failure::invalid("`--file` is empty"));
        }
        let path = session.absolute(file)?;
        if !fs::is_dir(Path::new(&path)) {
            return Ok(path);
        }
        let files = FILE_NAMES.map(|name| join(&path, &[name]));
        let found = files.iter().find(|file| fs::is_file(Path::new(file)));
        Ok(found.unwrap_or(&join(&path, &["Artifacts.toml"])).clone())
    }
}

impl PlatformOption {
    /// The given host, else this machine.
    pub(crate) fn host(&self) -> Result<Host> {
        match &self.platform {
            // A host accepts artifacts for older libraries and systems.
            Some(platform) => Ok(Host::given(platform.clone().into_host())),
            None => Ok(Host::without_julia(this_machine()?)),
        }
    }
}

impl One {
    /// The artifact, and the depot stack.
    pub(crate) fn select(&self, session: &mut Session) -> Result<(Selected, Stack)> {
        let mut stack = stack(session)?;
        Ok((self.scope.select(session, &mut stack, &self.artifact)?, stack))
    }
}

impl Scope {
    /// The artifact with a hash, or with a name in the file. The overrides by name for the package of that
    /// file apply to the stack from now on.
    pub(crate) fn select(
        &self,
        session: &Session,
        stack: &mut Stack,
        artifact: &str,
    ) -> Result<Selected> {
        if let Ok(hash) = artifact.parse() {
            return Ok(Selected { hash, binding: None });
        }
        let file = self.file.existing(session)?;
        let host = self.platform.host()?;
        let Some(entry) = artifact::binding(stack, &file, artifact, &host)? else {
            return Err(unbound(&file, artifact, host.platform())?);
        };
        let hash = entry.hash;
        Ok(Selected { hash, binding: Some(Binding { file, entry }) })
    }
}

/// The bindings of a file, whose diagnostics are noted. The overrides by name for the package of that file
/// apply to the stack from now on.
pub(crate) fn bindings(session: &mut Session, stack: &mut Stack, file: &str) -> Result<Bindings> {
    let bindings = stack.load(file)?.unwrap_or_default();
    session.output.notes(diagnostics(file, &bindings));
    Ok(bindings)
}

/// The diagnostics of a file, with their places.
pub(crate) fn diagnostics(file: &str, bindings: &Bindings) -> Vec<String> {
    bindings.diagnostics().iter().map(|diagnostic| diagnostic.in_file(file)).collect()
}

/// The error that a name is not bound.
fn unbound(file: &str, name: &str, platform: &Platform) -> Result<Failure> {
    let bindings = artifact::bindings(file)?.unwrap_or_default();
    let shown = visible(name);
    let (message, hint) = if bindings.names().any(|known| known == name) {
        let message = format!("`{file}` binds `{shown}`, but not for {platform}");
        (
            message,
            "pass another platform: `--platform TRIPLET`; `scratchrs artifact list --file … --all` lists them",
        )
    } else {
        let message = format!("`{file}` binds no artifact `{shown}`");
        (message, "`scratchrs artifact list --file …` lists its names")
    };
    Ok(Failure::new(Code::NotFound, message).about(file).hint(hint))
}

/// The depot stack with its `Overrides.toml` files, whose diagnostics are noted.
pub(crate) fn stack(session: &mut Session) -> Result<Stack> {
    with_overrides(session, session.depots()?)
}

/// As [`stack`], for commands that create nothing: the first depot exists.
pub(crate) fn existing_stack(session: &mut Session) -> Result<Stack> {
    with_overrides(session, session.existing_depots()?)
}

fn with_overrides(session: &mut Session, depots: Vec<DepotPath>) -> Result<Stack> {
    let mut stack = Stack::new(depots, None)?;
    let diagnostics = stack.read_overrides()?;
    session.output.notes(diagnostics);
    Ok(stack)
}

/// Parses a triplet.
pub(crate) fn parse_platform(text: &str) -> std::result::Result<Platform, String> {
    text.parse().map_err(|error: scratchrs_model::platform::InvalidPlatform| error.to_string())
}
