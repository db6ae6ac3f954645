//! Which artifact a command is about, in which file of bindings, on which platform.

use std::path::Path;

use scratchrs_core::artifact::{self, FileDiagnostic, LeftOut, Stack};
use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::{Bindings, Entry, FILE_NAMES, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::join;
use scratchrs_model::platform::Platform;

use crate::failure::{Code, Failure, Result};
use crate::human::visible;
use crate::session::Session;

/// An artifact that is named, and where its name is looked for.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct One {
    /// Its name, or its hash
    pub(crate) artifact: String,

    #[command(flatten)]
    scope: Scope,
}

/// The options that choose what names stand for.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Scope {
    #[command(flatten)]
    pub(crate) file: FileOption,

    #[command(flatten)]
    pub(crate) platform: PlatformOption,
}

/// The option that chooses the file.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct FileOption {
    /// The file that binds artifacts, or its directory [default: the Artifacts.toml that is nearest
    /// in this directory or above, up to the project's]
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
}

/// The option that chooses the platform.
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct PlatformOption {
    /// The platform, as `x86_64-linux-gnu-libgfortran5` or with tags as in
    /// `aarch64-apple-darwin-julia_version+1.10.0` [default: this machine, of which neither the
    /// versions of libraries nor that of Julia are known]
    #[arg(long, value_name = "TRIPLET", value_parser = parse_platform)]
    platform: Option<Platform>,
}

/// An artifact that a user has named.
pub(crate) struct Selected {
    pub(crate) hash: TreeHash,
    /// The name and the file that binds it, unless the user has given the hash.
    pub(crate) binding: Option<Binding>,
}

/// Where a name stands for an artifact.
pub(crate) struct Binding {
    pub(crate) file: String,
    pub(crate) entry: Entry,
}

impl FileOption {
    /// The absolute path of the file, if there is one.
    pub(crate) fn find(&self, session: &Session) -> Result<Option<String>> {
        match &self.file {
            Some(file) => self.given(session, file).map(Some),
            None => match &session.environment.current_directory {
                Some(directory) => Ok(artifact::file_above(directory)?),
                None => Ok(None),
            },
        }
    }

    /// The absolute path of the file, which has to be there.
    pub(crate) fn existing(&self, session: &Session) -> Result<String> {
        match self.find(session)? {
            Some(file) if fs::is_file(Path::new(&file)) => Ok(file),
            Some(file) => {
                let message = format!("there is no file `{file}`");
                Err(Failure::new(Code::NotFound, message).about(file))
            }
            None => {
                let message = "there is no Artifacts.toml in this directory or above";
                Err(Failure::new(Code::NotFound, message).hint("name one: `--file path/to/it`"))
            }
        }
    }

    /// The absolute path of the file, or of the one to make.
    pub(crate) fn or_new(&self, session: &Session) -> Result<String> {
        match self.find(session)? {
            Some(file) => Ok(file),
            None => self.given(session, "."),
        }
    }

    pub(crate) fn is_given(&self) -> bool {
        self.file.is_some()
    }

    /// The path of a file that the user names, by its directory if that is so.
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
    /// The host that is given, else this machine, as far as it is known without Julia.
    pub(crate) fn host(&self) -> Result<Host> {
        match &self.platform {
            // As a host, it takes what was built for older libraries and systems.
            Some(platform) => Ok(Host::given(platform.clone().into_host())),
            None => Ok(Host::without_julia(this_machine()?)),
        }
    }
}

impl One {
    /// The artifact that a user means, and the depots to look for it in.
    pub(crate) fn select(&self, session: &mut Session) -> Result<(Selected, Stack)> {
        let mut stack = stack(session)?;
        Ok((self.scope.select(session, &mut stack, &self.artifact)?, stack))
    }
}

impl Scope {
    /// The artifact that a user means: by its hash, or by its name in the file. What the overrides say
    /// of the names of that file's package is in force in the stack from now on.
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

/// What a file binds, with the overrides of its package in force in the stack. What is invalid there
/// is told.
pub(crate) fn bindings(session: &mut Session, stack: &mut Stack, file: &str) -> Result<Bindings> {
    let bindings = stack.load(file)?.unwrap_or_default();
    tell_diagnostics(session, &diagnostics(file, &bindings));
    Ok(bindings)
}

/// What is invalid in a file, each with its place.
pub(crate) fn diagnostics(file: &str, bindings: &Bindings) -> Vec<String> {
    bindings.diagnostics().iter().map(|diagnostic| format!("{file}:{diagnostic}")).collect()
}

pub(crate) fn tell_diagnostics(session: &mut Session, diagnostics: &[String]) {
    for diagnostic in diagnostics {
        session.output.note(&visible(diagnostic), None);
    }
}

/// Why a name stands for nothing.
fn unbound(file: &str, name: &str, platform: &Platform) -> Result<Failure> {
    let bindings = artifact::bindings(file)?.unwrap_or_default();
    let shown = visible(name);
    let (message, hint) = if bindings.names().any(|known| known == name) {
        let message = format!("`{file}` binds `{shown}`, but not for {platform}");
        (
            message,
            "name another platform: `--platform TRIPLET`; `scratchrs artifact list --file … --all` shows which there are",
        )
    } else {
        let message = format!("`{file}` binds no artifact `{shown}`");
        (message, "`scratchrs artifact list --file …` shows which names there are")
    };
    Ok(Failure::new(Code::NotFound, message).about(file).hint(hint))
}

/// The depots, with what their `Overrides.toml` files say. What makes no sense there is told.
pub(crate) fn stack(session: &mut Session) -> Result<Stack> {
    let mut stack = Stack::new(session.depots()?, None)?;
    let diagnostics = stack.read_overrides()?;
    complain(session, &diagnostics);
    Ok(stack)
}

/// Tells what makes no sense in files, and is left out.
pub(crate) fn complain(session: &mut Session, diagnostics: &[FileDiagnostic]) {
    for FileDiagnostic { file, diagnostic } in diagnostics {
        session.output.note(&visible(&format!("{file}:{diagnostic}")), None);
    }
}

/// Tells which names are left out, and why.
pub(crate) fn tell_left_out(session: &mut Session, left_out: &[LeftOut]) {
    for LeftOut { name, error } in left_out {
        let note = format!("`{}` is left out: {error}", visible(name));
        session.output.note(&note, error.hint());
    }
}

/// What this machine is, as far as the program knows without Julia: nothing of the versions of Julia
/// and of libraries.
fn this_machine() -> Result<Platform> {
    use std::env::consts::{ARCH, OS};
    let arch = match ARCH {
        "x86" => "i686",
        "powerpc64" => "powerpc64le",
        arch => arch,
    };
    let libc = if cfg!(target_env = "musl") { "musl" } else { "glibc" };
    let tags = (OS == "linux").then_some(("libc", libc));
    Platform::new(arch, OS, tags).map_err(|error| Failure::new(Code::Internal, error.to_string()))
}

/// A triplet that a user has typed.
pub(crate) fn parse_platform(text: &str) -> std::result::Result<Platform, String> {
    text.parse().map_err(|error: scratchrs_model::platform::InvalidPlatform| error.to_string())
}

/// The triplet of a platform, or that it is any.
pub(crate) fn platform_name(platform: Option<&Platform>) -> String {
    platform.map_or_else(|| "any".to_owned(), ToString::to_string)
}
