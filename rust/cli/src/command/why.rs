//! `scratchrs why`: what references an item, or when it becomes deletable.

use scratchrs_core::gc;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_text as text;

use crate::collection::{self, IgnoredRoots};
use crate::failure::{Code, Failure, Result};
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs why CUDA_Runtime         an artifact, by its name in an Artifacts.toml
  scratchrs why Example              a package, and its scratch spaces
  scratchrs why ~/.julia/artifacts/9f2c41e… --json
  scratchrs why iris                 the content of the store that is bound to a name

With --json: {\"found\": [{\"kind\", \"label\", \"path\", \"bytes\", \"freed\", \"last_used\", \
\"standing\", \"since\", \"until\", \"causes\": [{\"what\", \"path\", \"name\", \"last_used\", \
\"package\", \"because\": […]}]}], \"skipped\": [{\"path\", \"line\", \"column\", \"message\", \
\"consequence\"}], \"notes\": [\"…\"]}. \"standing\" is \"kept\", \"waiting\", \"deletable\" or \
\"elsewhere\".";

/// Show what references an item, or when it becomes deletable
///
/// An item is a package, clone, artifact, scratch space or content of the store. It is given by its path or
/// that of a file in it, by its name, hash, slug or UUID, or by a name that is bound to it in the store.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The item
    #[arg(value_name = "NAME|PATH")]
    query: String,

    #[command(flatten)]
    ignored: IgnoredRoots,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let options = collection::dry_run(session, &self.ignored.paths)?;
        let moment = collection::moment(session);
        let explained =
            with_progress(session, |progress| gc::why(&self.query, &options, moment, progress))?;
        if explained.found.is_empty() {
            let text = text::gc::explained(&explained, &session.context());
            session.output.text(text)?;
            return Err(not_found(&self.query, &options.depots));
        }
        session.print(&explained, |context| text::gc::explained(&explained, context))
    }
}

fn not_found(query: &str, depots: &[DepotPath]) -> Failure {
    let depots = depots.iter().map(|depot| format!("`{depot}`")).collect::<Vec<_>>().join(", ");
    let kinds = "package, clone, artifact, scratch space or name in the store";
    Failure::new(Code::NotFound, format!("no {kinds} `{query}` in {depots}"))
        .hint("`scratchrs status --all` lists all items")
}
