//! `scratchrs jll`: JLL packages from folders.

mod audit;
mod findings;

use std::path::{Path, PathBuf};

use scratchrs_jll::binary::GlibcVersion;
use scratchrs_jll::build::{Backend, Built, Recipe, build};
use scratchrs_jll::{Dependency, Error, JllName, Product, Version};
use scratchrs_model::platform::Platform;
use scratchrs_text::Text;
use scratchrs_text::human::{count, size};

use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::selection::parse_platform;
use crate::session::Session;
use findings::{as_notes, as_text, total};

const AFTER_HELP: &str = "\
Examples:
  scratchrs jll Foo --version 1.2.3+0 --product library:libfoo --product executable:foo \\
      --dependency Zlib_jll:libz --url-base https://example.org/Foo-v1.2.3+0 \\
      x86_64-linux-gnu=build/linux aarch64-apple-darwin=build/mac
  scratchrs jll audit build/linux     whether what was built serves on other machines

The folder of a platform is laid out as `make install` does it: libraries in `lib` (`bin` for Windows), programs in \
`bin`, licences in `share/licenses/<name>`.

A product is `library:NAME`, `executable:NAME` or `file:PATH`, with its variable behind a `=` if it has another name, \
and alternatives between commas: `library:libz,zlib`, `executable:7z=sevenzip`.

With --json: {\"name\", \"uuid\", \"version\", \"path\", \"tarballs\": [{\"platform\", \"path\", \"git_tree_sha1\", \
\"sha256\", \"bytes\", \"url\"}], \"warnings\": [{\"platform\", \"path\", \"check\", \"message\", \"hint\"}], \
\"notes\": [\"…\"]}. Errors of the audit are in the error's \"message\".";

/// Make a JLL package from folders, or audit one
///
/// Writes a reproducible tarball for each platform into `products`, and the package: Artifacts.toml, Project.toml and
/// wrappers, as BinaryBuilder lays them out. All folders are audited before anything is written.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// The name of the package, with or without `_jll`
    #[arg(required = true)]
    name: Option<JllName>,

    /// What was built for each platform; `any` for an artifact of all platforms
    #[arg(required = true, value_name = "PLATFORM=DIR", value_parser = parse_folder)]
    folders: Vec<(Option<Platform>, String)>,

    /// The version of the software, and the number of the build
    #[arg(long, required = true)]
    version: Option<Version>,

    /// The directory that the tarballs will be downloaded from
    #[arg(long, required = true, value_name = "URL")]
    url_base: Option<String>,

    #[command(flatten)]
    content: Content,

    /// Do not load this library together with the package; may be repeated
    #[arg(long, value_name = "VARIABLE")]
    dont_dlopen: Vec<String>,

    /// The package that opens the libraries
    #[arg(long, value_name = "PACKAGE", default_value = "JLLWrappers", ignore_case = true)]
    with: With,

    /// The versions of Julia that the package is for
    #[arg(long, value_name = "VERSIONS", default_value = "1.6")]
    julia_compat: String,

    /// Where to write `products` and the package
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: String,

    /// Replace the files of an existing package
    #[arg(long)]
    force: bool,
}

subcommands! {
    Audit(audit),
}

/// What an artifact contains and needs.
#[derive(clap::Args)]
#[group(skip)]
struct Content {
    /// A product: `library:NAME`, `executable:NAME` or `file:PATH`; may be repeated
    #[arg(long = "product", value_name = "KIND:NAME")]
    products: Vec<Product>,

    /// A JLL package that is loaded before, and the libraries that are used of it; may be repeated
    #[arg(long = "dependency", value_name = "NAME_jll[@VERSIONS][:LIBRARY]")]
    dependencies: Vec<Dependency>,

    /// The newest glibc that binaries may need
    #[arg(long, value_name = "VERSION", default_value = "2.17")]
    glibc: GlibcVersion,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum With {
    #[value(name = "JLLWrappers")]
    JllWrappers,
    #[value(name = "ScratchRS")]
    ScratchRs,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        if let Some(command) = &self.command {
            return command.run(session);
        }
        // Without a subcommand, the parser requires these.
        let (Some(name), Some(version), Some(url_base)) =
            (&self.name, self.version, &self.url_base)
        else {
            return Err(Failure::new(Code::Internal, "an argument is missing"));
        };
        let folder = |(platform, folder): &(Option<Platform>, String)| {
            Ok((platform.clone(), PathBuf::from(session.absolute(folder)?)))
        };
        let folders = self.folders.iter().map(folder).collect::<Result<Vec<_>>>()?;
        let recipe = Recipe {
            name,
            version,
            folders: &folders,
            products: &self.products()?,
            dependencies: &self.content.dependencies,
            url_base,
            backend: match self.with {
                With::JllWrappers => Backend::JllWrappers,
                With::ScratchRs => Backend::ScratchRs,
            },
            julia_compat: &self.julia_compat,
            depots: &session.depots().unwrap_or_default(),
            glibc: self.content.glibc,
        };
        let output = session.absolute(&self.output)?;
        let built = with_progress(session, |progress| {
            build(&recipe, Path::new(&output), self.force, progress)
        });
        let built = built.map_err(failure)?;
        session.print(&built, |_| text(&built))
    }

    /// The products, with those that are not loaded.
    fn products(&self) -> Result<Vec<Product>> {
        let mut products = self.content.products.clone();
        for variable in &self.dont_dlopen {
            let product = products.iter_mut().find(|product| product.variable == *variable);
            let Some(product) = product else {
                return Err(Failure::invalid(format!("no product has the variable `{variable}`")));
            };
            product.is_loaded = false;
        }
        Ok(products)
    }
}

/// Parses `<platform>=<folder>`.
fn parse_folder(text: &str) -> std::result::Result<(Option<Platform>, String), String> {
    let (platform, folder) = text
        .split_once('=')
        .filter(|(_, folder)| !folder.is_empty())
        .ok_or("expected a platform and a folder, such as x86_64-linux-gnu=build/linux")?;
    let platform = match platform {
        "any" => None,
        triplet => Some(parse_valid_platform(triplet)?),
    };
    Ok((platform, folder.to_owned()))
}

/// Parses a platform for which packages are built.
fn parse_valid_platform(triplet: &str) -> std::result::Result<Platform, String> {
    let platform = parse_platform(triplet)?;
    platform.validate().map_err(|error| error.to_string())?;
    Ok(platform)
}

fn text(built: &Built) -> Text {
    let mut text = Text::default();
    text.lines.extend(built.tarballs.iter().map(|tarball| tarball.path.clone()));
    text.lines.push(built.path.clone());
    text.notes = as_notes(&built.warnings);
    let bytes = built.tarballs.iter().map(|tarball| tarball.bytes).sum();
    let tarballs = count(built.tarballs.len() as u64, "tarball");
    text.done("Made", format!("{} v{}: {tarballs}, {}", built.name, built.version, size(bytes)))
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Audit(findings) => {
            let total = format!("{}: nothing was written", total(&findings));
            let lines = std::iter::once(total).chain(as_text(&findings));
            Failure::new(Code::Format, lines.collect::<Vec<_>>().join("\n  "))
        }
        Error::Exists(path) => Failure::new(Code::Conflict, format!("`{path}` exists"))
            .about(path)
            .hint("`--force` replaces the files of the package; or pass another directory: `--output DIR`"),
        Error::Io(error) => scratchrs_core::Error::from(error).into(),
        Error::Archive(error) => scratchrs_core::Error::from(error).into(),
        Error::Cancelled(_) => scratchrs_core::Error::Cancelled.into(),
        error @ (Error::InvalidInput(_) | Error::Product(_)) => Failure::invalid(error.to_string()),
    }
}
