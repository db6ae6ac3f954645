//! `scratchrs why`: what keeps something, or when it goes.

use scratchrs_core::gc::{self, Explained, Options};
use scratchrs_text::explanation;

use crate::collection::{self, COLLECT_DELAY, IgnoredRoots};
use crate::failure::Result;
use crate::progress::with_progress;
use crate::session::Session;

const AFTER_HELP: &str = "\
Examples:
  scratchrs why CUDA_Runtime         an artifact, by the name that an Artifacts.toml gives it
  scratchrs why Example              a package, and the spaces of it
  scratchrs why ~/.julia/artifacts/9f2c41e… --json
  scratchrs why iris                 what is bound to that name in the store

With --json: {\"found\": [{\"kind\", \"label\", \"path\", \"bytes\", \"freed\", \"last_used\", \
\"standing\", \"since\", \"until\", \"causes\": [{\"what\", \"path\", \"name\", \"last_used\", \
\"package\", \"because\": […]}]}], \"skipped\": [{\"path\", \"line\", \"column\", \"message\", \
\"consequence\"}], \"notes\": [\"…\"]}. \"standing\" is \"kept\", \"waiting\", \"goes\" or \
\"elsewhere\".";

/// Say what keeps a package, clone, artifact, space or a content of the store, or when it goes
///
/// It is named by its path or that of anything in it, by its name, or by its hash, slug or UUID; what is
/// in the store, also by a name that is bound to it.
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Its name or path
    #[arg(value_name = "NAME|PATH")]
    query: String,

    #[command(flatten)]
    ignored: IgnoredRoots,
}

impl Arguments {
    pub(crate) fn run(&self, session: &mut Session) -> Result<()> {
        let delay = collection::duration(COLLECT_DELAY).unwrap_or_default();
        let ignore_roots = self.ignored.paths.clone();
        let options = Options { ignore_roots, ..collection::looking(session, delay)? };
        let moment = collection::moment(session);
        let explained =
            with_progress(session, |progress| gc::why(&self.query, &options, moment, progress))?;
        let Explained { found, notes } = &explained;
        if found.is_empty() {
            collection::tell(notes, session);
            return Err(collection::nothing_is_called(&self.query, &options.depots));
        }
        if session.output.is_json() {
            return session.output.json(&explained);
        }
        let reader = session.reader();
        let blocks: Vec<String> =
            found.iter().map(|found| explanation(found, &reader).join("\n") + "\n").collect();
        session.output.result(&blocks.join("\n"))?;
        collection::tell(notes, session);
        Ok(())
    }
}
